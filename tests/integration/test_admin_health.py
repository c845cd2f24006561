"""The page “Health”: the main numbers for those without Grafana."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from inscrit.mail import delivery
from inscrit.mail.models import Message
from inscrit.monitoring import totals
from inscrit.registrations.lifecycle import CheckoutExpired
from inscrit.watchdog.health.charts import charts
from inscrit.watchdog.health.period import PERIODS, named
from inscrit.webhooks.models import StripeEvent

from .desk import organiser, reader, text_of
from .test_audit import forget_an_event, make_event, paid, register, spoil_a_counter, tell

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "admin:watchdog_health_changelist"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    totals.totals.forget()


def page(desk: Client, period: str = "day") -> str:
    totals.totals.forget()
    return text_of(desk.get(reverse(PAGE), {"period": period}))


def worker() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")


def delivered(outcome: str, ago: timedelta, took: float = 1) -> None:
    at = timezone.now() - ago
    StripeEvent.objects.create(
        id=f"evt_{outcome}_{ago.total_seconds()}",
        type="checkout.session.completed",
        created=at - timedelta(seconds=took),
        livemode=False,
        outcome=outcome,
        payload="{}",
        secret="0123456789ab",
        duration_us=1000,
        received_at=at,
    )


def values(name: str, period: str) -> dict[str, float]:
    """The sums of one chart's series."""
    (chart,) = (one for one in charts(named(period), timezone.now()) if one.name == name)
    return {series.kind: sum(series.values) for series in chart.series}


def test_all_is_well_where_a_worker_works_and_nothing_waits() -> None:
    worker()
    assert "All is well." in page(organiser())


def test_what_is_wrong_stands_there_in_words() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")
    paid(make_event())
    Message.objects.update(state="failed")
    forget_an_event()
    said = page(organiser())
    assert "Something needs a look." in said
    assert "Mails given up 1 See the messages." in said
    assert "Stripe events not applied 1" in said
    assert "Workers 0 No mail goes out." in said


def test_a_broken_promise_is_seen_once_the_watchdog_has_looked() -> None:
    from inscrit.watchdog import services

    spoil_a_counter()
    services.watch()
    assert "Promises broken 1 Run inscrit audit." in page(organiser())


def test_webhooks_are_counted_by_outcome_in_the_time_asked_for() -> None:
    delivered("applied", timedelta(minutes=10))
    delivered("rejected", timedelta(hours=5))
    delivered("ignored", timedelta(days=3))
    delivered("ignored", timedelta(days=8))
    assert values("webhooks", "hour")["applied"] == 1
    assert values("webhooks", "hour")["rejected"] == 0
    assert values("webhooks", "day")["rejected"] == 1
    assert values("webhooks", "week")["ignored"] == 1


def test_what_reconciliation_fetched_is_no_webhook() -> None:
    delivered("applied", timedelta(minutes=10))
    StripeEvent.objects.update(secret="reconciliation")
    assert sum(values("webhooks", "hour").values()) == 0


def test_delays_are_those_of_half_and_of_nearly_all_payments() -> None:
    for number in range(1, 22):
        delivered("applied", timedelta(minutes=10, seconds=number), took=number)
    with translation.override("en"):
        (chart,) = (c for c in charts(named("hour"), timezone.now()) if c.name == "delays")
    assert [series.total for series in chart.series] == ["11.0\u00a0s", "20.0\u00a0s"]


def test_registrations_and_mails_are_counted() -> None:
    event = make_event()
    paid(event)
    tell(register(event), CheckoutExpired(None))
    delivery.deliver(Message.objects.filter(kind="confirmed").get().pk)
    turned = values("registrations", "hour")
    assert turned["PAID"] == 1
    assert turned["EXPIRED"] == 1
    assert values("mails", "hour") == {"sent": 1}
    said = page(organiser(), "hour")
    assert "Paid 1" in said
    assert "Sent 1" in said


@pytest.mark.parametrize("period", [*(one.name for one in PERIODS), "nonsense"])
def test_an_empty_house_has_a_page_too(period: str) -> None:
    assert page(organiser(), period).count("Nothing in this time.") == 4


def test_it_speaks_french() -> None:
    said = page(organiser("fr"))
    assert "Santé" in said
    assert "Webhooks reçus" in said


def test_who_may_see_it() -> None:
    assert "Webhooks received" in page(reader())
    nobody = Client()
    nobody.force_login(User.objects.create_user("nobody", is_staff=True))
    assert nobody.get(reverse(PAGE)).status_code == 403
    assert organiser().get(reverse(PAGE) + "1/change/").status_code == 404


def test_the_database_that_does_not_answer_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "PATIENCE", "SELECT FROM nothing_that_is_there")
    assert "It does not answer in time." in page(organiser())
