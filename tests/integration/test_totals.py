"""Metrics that come from the database: the same everywhere, whoever did what they count."""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from inscrit.mail import delivery
from inscrit.mail.models import Message
from inscrit.monitoring import totals
from inscrit.monitoring.checks import INVARIANTS
from inscrit.payments.models import Refund
from inscrit.reconciliation.models import ReconciliationRun
from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutExpired,
    MarkedPaid,
    PaymentSucceeded,
)
from inscrit.watchdog import services as watchdog
from inscrit.webhooks.models import StripeEvent

from .test_audit import (
    busy_database,
    completed,
    forget_an_event,
    make_event,
    paid,
    payment_of,
    register,
    spoil_a_counter,
    tell,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    totals.totals.forget()
    yield
    totals.totals.forget()


Scraped = dict[tuple[str, ...], float]


def scrape() -> Scraped:
    """Every sample by its name and the values of its labels."""
    totals.totals.forget()
    text = Client().get("/metrics").content.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_became_of_payments_is_counted_from_the_journal() -> None:
    event = make_event()
    paid(event)
    tell(register(event, method="cheque"), MarkedPaid())
    late = tell(register(event), CheckoutExpired(None))
    tell(late, completed(late))
    sent_back = tell(register(make_event(late_payment="refund")), CheckoutExpired(None))
    tell(sent_back, completed(sent_back))
    asked = tell(register(make_event(late_payment="review")), CheckoutExpired(None))
    tell(asked, completed(asked))
    wrong = register(event)
    for _ in range(2):
        tell(wrong, PaymentSucceeded(payment_of(wrong), 1, "eur", livemode=False))
    counted = scrape()
    assert counted["inscrit_payment_confirmations_total", "confirmed"] == 3
    assert counted["inscrit_payment_confirmations_total", "failed"] == 1
    assert counted["inscrit_checkout_sessions_expired_total",] == 3
    for resolution in ("reseated", "refunded", "review"):
        assert counted["inscrit_late_payments_total", resolution] == 1


def test_a_registration_that_is_cancelled_stays_counted_as_confirmed() -> None:
    tell(paid(make_event()), CancelRequested(refund=True))
    assert scrape()["inscrit_payment_confirmations_total", "confirmed"] == 1


def test_refunds_are_counted_from_their_rows() -> None:
    event = make_event()
    for status in ("ordered", "pending", "succeeded", "failed"):
        registration = tell(paid(event), CancelRequested(refund=True))
        returned = timezone.now() if status == "succeeded" else None
        orders = Refund.objects.filter(payment__registration=registration)
        orders.update(status=status, succeeded_at=returned)
    counted = scrape()
    reason = "cancelled_by_request"
    assert counted["inscrit_refunds_total", reason, "ordered"] == 4
    assert counted["inscrit_refunds_total", reason, "succeeded"] == 1
    assert counted["inscrit_refunds_total", reason, "failed"] == 1


def test_mails_are_counted_whoever_sent_them_and_never_go_down() -> None:
    paid(make_event())
    message = Message.objects.get()
    delivery.deliver(message.pk)
    assert scrape()["inscrit_emails_total", "confirmed", "sent"] == 1
    Message.objects.update(state="queued", attempts=0)
    assert scrape()["inscrit_emails_total", "confirmed", "sent"] == 1
    delivery.deliver(message.pk)
    Message.objects.update(times_failed=4)
    counted = scrape()
    assert counted["inscrit_emails_total", "confirmed", "sent"] == 2
    assert counted["inscrit_emails_total", "confirmed", "failed"] == 4


def test_events_that_wait_are_counted_with_the_age_of_the_oldest() -> None:
    busy_database()
    counted = scrape()
    assert counted["inscrit_stripe_events_unprocessed",] == 0
    assert counted["inscrit_oldest_unprocessed_event_seconds",] == 0
    forget_an_event()
    counted = scrape()
    assert counted["inscrit_stripe_events_unprocessed",] == 1
    assert counted["inscrit_oldest_unprocessed_event_seconds",] >= 61 * 60


@pytest.mark.parametrize(
    ("reason", "counted"), [("unknown_registration", 1), ("unknown_payment", 0)]
)
def test_of_the_events_that_came_too_early_only_ours_are_counted(reason: str, counted: int) -> None:
    forget_an_event()
    StripeEvent.objects.update(outcome="unmatched", reason=reason, next_try_at=timezone.now())
    assert scrape()["inscrit_stripe_events_unprocessed",] == counted
    StripeEvent.objects.update(next_try_at=None)
    assert scrape()["inscrit_stripe_events_unprocessed",] == 0


def test_breaches_are_those_of_the_watchdogs_last_look() -> None:
    assert ("inscrit_invariant_breaches", "once") not in scrape()
    before = timezone.now().timestamp()
    watchdog.watch()
    counted = scrape()
    assert [counted["inscrit_invariant_breaches", one] for one in INVARIANTS] == [0] * 5
    assert counted["inscrit_last_audit_timestamp_seconds",] >= before
    spoil_a_counter()
    watchdog.watch()
    assert scrape()["inscrit_invariant_breaches", "no_oversell"] == 1


def test_differences_of_all_reconciliations_are_summed_up_once_there_are_any() -> None:
    assert not any(name.startswith("inscrit_reconciliation") for name, *_ in scrape())
    with transaction.atomic(), connection.cursor() as cursor:
        for differences in ({"missed": 2}, {"missed": 1, "unknown": 4}, {}):
            now = timezone.now()
            ReconciliationRun.objects.create(started_at=now, since=now, differences=differences)
        (family,) = totals._reconciliation(cursor)
        found = {sample.labels["kind"]: sample.value for sample in family.samples}
        assert found == {"missed": 3, "unknown": 4}
        transaction.set_rollback(True)


def test_numbers_are_read_anew_only_after_some_seconds() -> None:
    first = scrape()
    paid(make_event())
    text = Client().get("/metrics").content.decode()
    assert first["inscrit_payment_confirmations_total", "confirmed"] == 0
    assert 'inscrit_payment_confirmations_total{result="confirmed"} 0.0' in text
    assert scrape()["inscrit_payment_confirmations_total", "confirmed"] == 1


def test_without_a_database_the_scrape_tells_what_the_process_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(totals, "PATIENCE", "SELECT FROM nothing_that_is_there")
    with capture_logs() as lines:
        counted = scrape()
    assert [line["event"] for line in lines] == ["⚠️  Metrics without a database"]
    assert ("inscrit_webhook_signature_failures_total",) in counted
    assert not any(name.startswith("inscrit_emails") for name, *_ in counted)


def test_the_journal_is_counted_from_its_index() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + totals.SQL["journal"].split("\n", 1)[1])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "journal_counted" in plan
    assert "Filter" not in plan
