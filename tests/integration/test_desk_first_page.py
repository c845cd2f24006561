"""The first page tells the day's figures, with few questions to the database."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from inscrit.desk import charts
from inscrit.desk.figures import figures
from inscrit.registrations.lifecycle import (
    CancelRequested,
    ChargeRefunded,
    CheckoutExpired,
    DisputeChanged,
    DisputeStatus,
    MarkedPaid,
    MoneyGivenBack,
)
from inscrit.registrations.models import Registration

from .desk import organiser, seen, text_of
from .test_admin_first_page import plans
from .test_audit import accepted, make_event, paid, payment_of, register, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Client:
    return organiser()


def first_page(desk: Client) -> str:
    return text_of(desk.get(reverse("admin:index")))


def test_who_has_no_event_yet_is_told_how_to_begin(desk: Client) -> None:
    page = first_page(desk)
    assert "Three steps to your first registration" in page
    assert "Create your first event" in page
    assert reverse("admin:events_event_add") in desk.get(reverse("admin:index")).content.decode()


def test_todays_registrations_and_money(desk: Client) -> None:
    event = make_event(title="Kermesse", price=1000)
    paid(event)
    tell(register(event, people=2, method="cheque"), MarkedPaid())
    tell(register(event), CheckoutExpired(None))
    old = paid(event)
    long_ago = timezone.now() - timedelta(days=45)
    Registration.objects.filter(pk=old.pk).update(created_at=long_ago, paid_at=long_ago)
    page = first_page(desk)
    assert "Registrations today 2 " in page
    assert "Money today €30.00 €30.00 this week" in page
    assert "Kermesse Open" in page
    assert "Confirmed 4 Held 0 Free 16 of 20" in page
    assert "Latest registrations Parent" in page


def test_money_is_what_came_not_what_was_agreed(desk: Client) -> None:
    event = make_event(price=1000)
    accepted(event, 600)
    back = accepted(event, 1500)
    assert "Money today €21.00" in first_page(desk)
    tell(back, ChargeRefunded(payment_of(back), 400))
    assert "Money today €17.00" in first_page(desk)
    tell(back, CancelRequested(refund=False))
    assert "Money today €17.00" in first_page(desk)
    tell(back, ChargeRefunded(payment_of(back), 1500))
    assert "Money today €6.00" in first_page(desk)
    assert "Money received €6.00" in seen(desk, event)


def test_what_the_bank_took_back_of_another_amount_is_no_money(desk: Client) -> None:
    event = make_event(price=1000)
    wrong = accepted(event, 600)
    paid(event)
    tell(wrong, DisputeChanged(payment_of(wrong), "dp_1", 600, DisputeStatus.LOST))
    assert "Money today €10.00" in first_page(desk)


def test_what_was_given_back_by_hand_is_no_money_any_more(desk: Client) -> None:
    event = make_event(price=1000)
    cheque = tell(register(event, method="cheque"), MarkedPaid(), CancelRequested(refund=True))
    assert "Money today €10.00" in first_page(desk)
    tell(cheque, MoneyGivenBack(400))
    assert "Money today €6.00" in first_page(desk)
    tell(cheque, MoneyGivenBack())
    assert "Money received €0.00" in seen(desk, event)


def test_each_currency_by_itself(desk: Client) -> None:
    paid(make_event(price=1000))
    dollars = tell(register(make_event(currency="usd"), method="cheque"), MarkedPaid())
    page = first_page(desk)
    assert "Money today €10.00" in page
    assert "Money today $10.00" in page
    assert dollars.currency == "usd"


def test_the_charts_have_their_figures_in_a_table_too(desk: Client) -> None:
    paid(make_event(price=1000))
    body = desk.get(reverse("admin:index")).content.decode()
    assert body.count('<svg viewBox="0 0 30 100"') == 2
    assert "As a table" in body
    assert 'role="img"' in body
    assert "style=" not in body.split("<main")[1].split("</main")[0]


def test_more_registrations_ask_no_more_questions(desk: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            desk.get(reverse("admin:index"))
        return len(seen)

    paid(make_event())
    few = asked()
    for _ in range(4):
        event = make_event()
        paid(event)
        register(event)
    assert asked() == few
    assert few <= 22


def test_the_figures_take_five_queries_answered_by_indexes() -> None:
    """But for the events, of which no school has many."""
    for _ in range(3):
        paid(make_event())
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        with CaptureQueriesContext(connection) as asked, plans() as told:
            found = figures(timezone.now())
        cursor.execute("RESET enable_seqscan")
    assert found.today == 3
    assert len(asked) == 5
    by_index = "".join(told).replace("Seq Scan on events_event", "")
    assert "Seq Scan" not in by_index
    assert "registration_by_age" in by_index
    assert "registration_by_payment" in by_index


def test_whoever_may_not_see_registrations_sees_no_figures() -> None:
    from django.contrib.auth.models import User

    desk = Client(headers={"accept-language": "en"})
    desk.force_login(User.objects.create_user("clerk", is_staff=True))
    assert "Registrations today" not in first_page(desk)


@given(st.dictionaries(st.integers(0, 29), st.integers(0, 10**9)))
def test_a_chart_shows_every_day_and_stays_in_its_frame(found: dict[int, int]) -> None:
    first = date(2029, 7, 1)
    span = charts.days(first, first + timedelta(days=29))
    by_day = {first + timedelta(days=n): value for n, value in found.items()}
    drawn, summed = charts.chart(span, by_day), charts.curve(span, by_day)
    assert drawn.width == summed.width == 30
    assert all(0 <= point.y <= charts.HEIGHT for point in (*drawn.points, *summed.points))
    assert drawn.total == summed.total == str(sum(found.values()))
    heights = [point.height for point in summed.points]
    assert heights == sorted(heights)


def test_a_quiet_day_beside_a_busy_one_is_drawn_and_told() -> None:
    span = charts.days(date(2029, 7, 1), date(2029, 7, 4))
    by_day = {span[0]: 1, span[1]: 1000, span[3]: -5}
    drawn = charts.chart(span, by_day)
    assert [point.height for point in drawn.points] == [1, 100, 0, 0]
    assert [point.text for point in drawn.told] == ["1", "1000", "-5"]
    assert [point.text for point in charts.curve(span, by_day).told] == ["1", "1001", "1001", "996"]
