"""The first page of the back office: what waits for a person; and what nobody is shown."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.urls import reverse

from inscrit.backoffice import page_of
from inscrit.backoffice.attention import WAITING
from inscrit.registrations.lifecycle import DisputeStatus
from inscrit.registrations.models import Registration

from .desk import organiser, reader, seen, text_of
from .test_admin_inbox import expired
from .test_admin_reviews import failed_refund, mismatch
from .test_audit import dispute, make_event, paid, register

pytestmark = pytest.mark.django_db(transaction=True)


def first_page(desk: Client) -> str:
    return text_of(desk.get(reverse("admin:index")))


def everything_that_waits() -> None:
    failed_refund()
    mismatch()
    dispute(paid(make_event()), DisputeStatus.WARNING_NEEDS_RESPONSE)
    registration = paid(make_event())
    registration.messages.update(state="failed")
    expired(registration)


def test_nothing_to_do() -> None:
    assert "There is nothing to do." in first_page(organiser())


def test_everything_that_waits_is_counted_and_leads_to_its_list() -> None:
    everything_that_waits()
    desk = organiser()
    answer = desk.get(reverse("admin:index"))
    page = text_of(answer)
    assert (
        "To do 3 registrations to be looked at 1 dispute to be answered in Stripe’s Dashboard"
        " 1 refund that failed 1 e-mail that could not be delivered"
        " 1 message from Stripe that could not be applied"
    ) in page
    for line in answer.context["waiting"]:
        assert line.address in answer.content.decode()
        listed = desk.get(line.address).context["cl"].result_count
        assert line.label.split()[0] == str(listed), line.label


def test_in_french() -> None:
    everything_that_waits()
    page = first_page(organiser("fr"))
    assert "À faire 3 inscriptions à examiner 1 litige à traiter" in page
    assert "1 remboursement échoué" in page
    assert "Il n’y a rien à faire." not in page


def test_whoever_may_see_only_some_is_told_only_of_those() -> None:
    everything_that_waits()
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_dispute"))
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(clerk)
    page = first_page(desk)
    assert "1 dispute to be answered" in page
    assert "registrations to be looked at" not in page


def test_whoever_may_see_nothing_is_told_nothing() -> None:
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(User.objects.create_user("clerk", is_staff=True))
    page = first_page(desk)
    assert "To do" not in page
    assert "There is nothing to do." not in page


def test_each_count_is_answered_by_an_index() -> None:
    """But for the events themselves, of which no school has many."""
    everything_that_waits()
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        for one in WAITING:
            with plans() as seen_plans:
                one.count()
            told = "".join(seen_plans).replace("Seq Scan on events_event", "")
            assert told
            assert "Seq Scan" not in told, told
        cursor.execute("RESET enable_seqscan")


@contextmanager
def plans() -> Iterator[list[str]]:
    """How PostgreSQL answers the queries made within."""
    found: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with context["connection"].connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql, params)
            found.extend(f"{row[0]}\n" for row in cursor.fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield found


@pytest.mark.parametrize("desk", [organiser, reader])
def test_no_page_shows_what_opens_a_registration(desk: Callable[[], Client]) -> None:
    """Neither the token nor Django's own way to the public page, which has it."""
    registration = register(make_event())
    client = desk()
    body = client.get(page_of(registration)).content.decode()
    assert registration.token not in body
    assert "View on site" not in body
    kind = ContentType.objects.get_for_model(Registration).pk
    for number in (kind, f"%20{kind}", f"+{kind}"):
        answer = client.get(f"/admin/r/{number}/{registration.pk}/")
        assert answer.status_code == 404
        assert registration.token not in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/admin/mail/message/²/change/",
        "/admin/auth/user/²/send-link/",
        "/admin/auth/user/one/send-link/",
        "/admin/desk/events/%00/attendance",
        "/admin/desk/events/%00/preview",
        "/admin/doctor/setup/1/delete/",
        "/photos/%00.webp",
    ],
)
def test_an_address_that_names_nothing_is_not_found(path: str) -> None:
    assert organiser().get(path, follow=True).status_code in (200, 404)


def test_whoever_may_only_look_finds_no_way_that_is_closed() -> None:
    make_event()
    client = reader()
    body = client.get(reverse("admin:index")).content.decode()
    ways = set(re.findall(r'href="(/admin/[^"#?]*)"', body))
    assert "/admin/checkin/" in ways
    answers = {way: client.get(way, follow=True).status_code for way in ways}
    assert {way: status for way, status in answers.items() if status != 200} == {}


def test_an_events_page_still_leads_to_its_public_page() -> None:
    event = make_event()
    body = organiser().get(page_of(event)).content.decode()
    assert f'href="{event.get_absolute_url()}"' in body


def test_the_journal_tells_in_words_who_did_what() -> None:
    page = seen(organiser("fr"), mismatch())
    assert "En attente de paiement Inscription enregistrée. Les places sont retenues" in page
    assert "registered le contact" in page
    assert "amount_mismatch Stripe evt_1" in page
