"""Downloads for a spreadsheet, and the list for the entrance."""

import csv
import io
import tracemalloc
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from inscrit.desk import csv_file
from inscrit.desk.table import COLUMNS, Lines, titles
from inscrit.desk.workbook import pieces
from inscrit.registrations.lifecycle import ChargeRefunded
from inscrit.registrations.models import Participant, Registration

from .desk import organiser, text_of
from .test_audit import accepted, make_event, paid, payment_of, register, tell

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse
    from openpyxl.worksheet.worksheet import Worksheet

pytestmark = pytest.mark.django_db(transaction=True)


def download(desk: Client, lines: str, form: str, query: str = "") -> bytes:
    answer = desk.get(reverse("desk:export", args=[lines, form]) + query)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    return cast("StreamingHttpResponse", answer).getvalue()


def rows_of(content: bytes, delimiter: str) -> list[dict[str, str]]:
    assert content.startswith("\ufeff".encode())
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter))


def opened(content: bytes) -> "Worksheet":
    return cast("Worksheet", load_workbook(io.BytesIO(content)).active)


def sheet_of(content: bytes) -> list[tuple[Any, ...]]:
    return list(opened(content).iter_rows(values_only=True))


def test_in_french_a_spreadsheet_opens_it_with_a_double_click() -> None:
    registration = paid(make_event(title="Fête ; été", price=1250))
    (row,) = rows_of(download(organiser("fr"), "registrations", "csv"), ";")
    assert row["numéro"] == registration.pk
    assert row["événement"] == "Fête ; été"
    assert row["montant"] == "12,50"
    assert row["statut"] == "Payée"
    assert row["participants"] == "P0 Test"


def test_in_english_it_has_commas_and_points() -> None:
    paid(make_event(price=1250))
    (row,) = rows_of(download(organiser(), "registrations", "csv"), ",")
    assert (row["amount"], row["currency"], row["status"]) == ("12.50", "EUR", "Paid")


def test_an_amount_is_what_came_not_what_was_agreed() -> None:
    registration = accepted(make_event(), 600)
    tell(registration, ChargeRefunded(payment_of(registration), 200))
    (row,) = rows_of(download(organiser(), "registrations", "csv"), ",")
    assert (row["amount"], row["refunded"], row["currency"]) == ("6.00", "2.00", "EUR")


def test_a_line_for_each_participant() -> None:
    register(make_event(), people=3)
    rows = rows_of(download(organiser(), "participants", "csv"), ",")
    assert [row["first name"] for row in rows] == ["P0", "P1", "P2"]
    assert len({row["number"] for row in rows}) == 1


def test_the_sum_over_participants_is_what_was_paid() -> None:
    event = make_event(price=1250)
    paid(event)
    register(event, people=3)
    rows = rows_of(download(organiser(), "participants", "csv"), ",")
    told = [tuple(row[name] for name in ("price", "amount", "refunded", "places")) for row in rows]
    assert told == [
        ("12.50", "37.50", "0.00", "3"),
        ("12.50", "", "", ""),
        ("12.50", "", "", ""),
        ("12.50", "12.50", "0.00", "1"),
    ]
    sheet = sheet_of(download(organiser("fr"), "participants", "xlsx"))
    amounts = [row[sheet[0].index("montant")] for row in sheet[1:]]
    assert amounts == [37.5, None, None, 12.5]


def test_where_no_price_was_noted_each_has_the_same_part() -> None:
    register(make_event(price=1250), people=2)
    Participant.objects.update(price=None)
    rows = rows_of(download(organiser(), "participants", "csv"), ",")
    assert [row["price"] for row in rows] == ["12.50", "12.50"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_it_is_what_the_list_shows(form: str) -> None:
    here, there = make_event(), make_event()
    wanted = paid(here)
    register(here)
    paid(there)
    query = f"?event__id__exact={here.pk}&status__exact=PAID&q=parent"
    content = download(organiser(), "registrations", form, query)
    if form == "csv":
        assert [row["number"] for row in rows_of(content, ",")] == [wanted.pk]
    else:
        assert [row[0] for row in sheet_of(content)[1:]] == [wanted.pk]


def test_a_workbook_has_real_dates_and_numbers() -> None:
    registration = paid(make_event(price=1250))
    head, row = sheet_of(download(organiser(), "registrations", "xlsx"))
    said = dict(zip(head, row, strict=True))
    assert said["amount"] == 12.5
    assert said["places"] == 1
    assert isinstance(said["starts"], datetime)
    assert isinstance(said["paid on"], datetime)
    assert said["number"] == registration.pk


NASTY = '=HYPERLINK("http://example.org";"x")'


def test_no_name_becomes_a_formula() -> None:
    registration = paid(make_event())
    Registration.objects.update(contact_name=NASTY)
    Participant.objects.update(last_name="@SUM(A1)", first_name="+1")
    desk = organiser()
    (row,) = rows_of(download(desk, "participants", "csv"), ",")
    assert row["name"] == f"'{NASTY}"
    assert (row["last name"], row["first name"]) == ("'@SUM(A1)", "'+1")
    sheet = opened(download(desk, "participants", "xlsx"))
    cells = [cell for line in sheet.iter_rows() for cell in line]
    assert all(cell.data_type != "f" for cell in cells)
    assert NASTY in [cell.value for cell in cells]
    assert registration.pk in [cell.value for cell in cells]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_no_question_becomes_a_formula(form: str) -> None:
    registration = paid(make_event())
    registration.event.questions.create(text=NASTY)
    content = download(organiser(), "registrations", form)
    if form == "csv":
        (row,) = rows_of(content, ",")
        assert f"'{NASTY}" in row
    else:
        assert NASTY in sheet_of(content)[0]
        assert all(cell.data_type != "f" for cell in opened(content)[1])


@given(st.text(max_size=20))
def test_no_text_at_all_begins_like_a_formula(text: str) -> None:
    told = csv_file.harmless(text)
    assert not told.lstrip(" ").startswith(csv_file.FORMULAS)
    assert told.endswith(text)


@pytest.mark.parametrize(
    ("lines", "form", "status"),
    [("registrations", "pdf", 404), ("events", "csv", 404)],
)
def test_what_there_is_not(lines: str, form: str, status: int) -> None:
    assert organiser().get(f"/admin/desk/export/{lines}.{form}").status_code == status


def test_a_filter_that_cannot_be_leads_back_to_the_list() -> None:
    answer = organiser().get(
        reverse("desk:export", args=["registrations", "csv"]) + "?status__exakt=x"
    )
    assert answer.status_code == 302
    assert answer["Location"].endswith("?e=1")


def test_a_stranger_gets_nothing(client: Client) -> None:
    event = make_event()
    for way in (
        reverse("desk:export", args=["registrations", "csv"]),
        reverse("desk:attendance", args=[event.pk]),
    ):
        assert "/admin/login/" in client.get(way)["Location"]


def test_as_the_server_runs_it_comes_piece_by_piece() -> None:
    event = make_event(capacity=None)
    some = [
        Registration(
            event=event,
            status="FREE",
            contact_name=f"Parent {n}",
            contact_email="p@example.org",
            locale="fr",
            places=1,
            amount=0,
            currency="eur",
        )
        for n in range(1200)
    ]
    Registration.objects.bulk_create(some)
    sizes = async_to_sync(_pieces)()
    assert len(sizes) > 2
    assert max(sizes) < sum(sizes) / 2


async def _pieces() -> list[int]:
    from asgiref.sync import sync_to_async
    from django.contrib.auth.models import User

    marie = await sync_to_async(User.objects.create_superuser)("marie", "m@example.org", "x")
    client = AsyncClient()
    await client.aforce_login(marie)
    answer = await client.get(reverse("desk:export", args=["registrations", "csv"]))
    return [len(piece) async for piece in cast("StreamingHttpResponse", answer)]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_fifty_thousand_lines_are_never_in_memory_at_once(form: str) -> None:
    at = datetime(2029, 7, 3, 14)  # noqa: DTZ001 - spreadsheets know no time zones

    def lines() -> Iterable[list[Any]]:
        for n in range(50_000):
            yield [f"reg-{n}", n, Decimal("12.50"), at] * 3

    head = [str(n) for n in range(12)]
    tracemalloc.start()
    try:
        made = csv_file.pieces(head, lines()) if form == "csv" else pieces(head, [10] * 12, lines())
        total = sum(len(piece) for piece in made)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total > 1_000_000
    assert peak < 8_000_000


def test_every_column_has_its_title() -> None:
    assert len(titles(Lines.REGISTRATIONS)) == len(COLUMNS) + 1
    assert len(titles(Lines.PARTICIPANTS)) == len(COLUMNS) + 3


def test_the_attendance_list_is_by_name_and_says_who_has_not_paid() -> None:
    event = make_event(title="Kermesse", location="Cour")
    for name, method in (("Élan", "stripe"), ("Zola", "stripe"), ("Dupont", "cheque")):
        registration = register(event, method=method) if method == "cheque" else paid(event)
        registration.participants.update(last_name=name)
    gone = register(make_event())
    gone.participants.update(last_name="Ailleurs")
    page = text_of(organiser().get(reverse("desk:attendance", args=[event.pk])))
    assert page.index("Dupont") < page.index("Élan") < page.index("Zola")
    assert "cheque to come" in page
    assert "2 persons expected" in page
    assert "Ailleurs" not in page


def test_the_attendance_list_knows_other_alphabets() -> None:
    event = make_event()
    for name in ("Яковлева", "Бойко", "Zola"):
        paid(event).participants.update(last_name=name)
    page = text_of(organiser().get(reverse("desk:attendance", args=[event.pk])))
    assert page.index("Zola") < page.index("Бойко") < page.index("Яковлева")


def test_an_empty_list_says_so() -> None:
    page = organiser().get(reverse("desk:attendance", args=[make_event().pk]))
    assert "Nobody is registered so far." in text_of(page)
    assert organiser("fr").get("/admin/desk/events/ev-none/attendance").status_code == 404
