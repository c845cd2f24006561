"""Metrics that come from the database: the same everywhere, whoever did what they count."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone, translation
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from inscrit.jobs import QUEUES
from inscrit.mail import delivery, kinds
from inscrit.mail.models import Message
from inscrit.monitoring import audit, backlog, totals
from inscrit.monitoring import scrape as door
from inscrit.monitoring.checks import INVARIANTS
from inscrit.payments.models import Refund
from inscrit.reconciliation.findings import Kind
from inscrit.reconciliation.models import ReconciliationRun
from inscrit.registrations.lifecycle import (
    REFUND_REASONS,
    CancelRequested,
    CheckoutExpired,
    MarkedPaid,
    PaymentSucceeded,
)
from inscrit.watchdog import services as watchdog
from inscrit.watchdog.health import signs
from inscrit.webhooks.models import StripeEvent

from .conftest import Setting
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
LEFT_OUT = "⚠️  Metrics left out, the database did not tell them"
UNTOLD = "The database did not tell it in time."


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    totals.totals.forget()
    yield
    totals.totals.forget()


Scraped = dict[tuple[str, ...], float]


def scrape() -> Scraped:
    """Every sample by its name and the values of its labels."""
    totals.totals.forget()
    text = door.text().decode()
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
        at_stripe = None if status == "ordered" else f"re_{registration.pk}"
        orders.update(status=status, succeeded_at=returned, stripe_id=at_stripe)
    counted = scrape()
    reason = "cancelled_by_request"
    assert counted["inscrit_refunds_total", reason, "ordered"] == 4
    assert counted["inscrit_refunds_total", reason, "succeeded"] == 1
    assert counted["inscrit_refunds_total", reason, "failed"] == 1


def test_refunds_of_every_reason_stand_at_0_before_there_is_one() -> None:
    counted = scrape()
    for reason in (*REFUND_REASONS, Refund.OUTSIDE):
        for result in ("ordered", "succeeded", "failed"):
            assert counted["inscrit_refunds_total", reason, result] == 0


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
    assert [one.check for one in audit.run().breaches] == ["event_forgotten"]
    StripeEvent.objects.update(set_aside_by="admin:claire")
    counted = scrape()
    assert counted["inscrit_stripe_events_unprocessed",] == 0
    assert counted["inscrit_oldest_unprocessed_event_seconds",] == 0
    assert audit.run().breaches == []


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


def test_counters_stand_at_nought_before_anything_has_happened() -> None:
    counted = scrape()
    for kind in kinds.known():
        assert counted["inscrit_emails_total", kind.name, "failed"] == 0
    for difference in Kind:
        assert counted["inscrit_reconciliation_differences_total", difference] == 0
    assert counted["inscrit_stripe_events_total", "failed", "charge.refunded"] >= 0


def test_differences_of_all_reconciliations_are_summed_up() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for differences in ({"hold_not_freed": 2}, {"hold_not_freed": 1, "unknown": 4}, {}):
            now = timezone.now()
            ReconciliationRun.objects.create(started_at=now, since=now, differences=differences)
        family, *_when = totals._reconciliation(cursor)
        found = {one.labels["kind"]: one.value for one in family.samples if one.value}
        assert found == {"hold_not_freed": 3, "unknown": 4}
        transaction.set_rollback(True)


def test_when_stripe_was_last_compared_with_is_told(setting: Setting) -> None:
    name = ("inscrit_last_reconciliation_timestamp_seconds",)
    setting(STRIPE_SECRET_KEY="sk_test_totals")
    assert name not in scrape()
    began, ended = timezone.now() - timedelta(hours=2), timezone.now() - timedelta(hours=1)
    ReconciliationRun.objects.create(started_at=began, since=began)  # broken off
    assert scrape()[name] == pytest.approx(began.timestamp())
    ReconciliationRun.objects.create(started_at=began, since=began, finished_at=ended)
    ReconciliationRun.objects.create(started_at=timezone.now(), since=began)  # broken off
    assert scrape()[name] == pytest.approx(ended.timestamp())
    setting(STRIPE_SECRET_KEY=None)  # cheques only, from now on
    assert name not in scrape()


def test_numbers_are_read_anew_only_after_some_seconds() -> None:
    first = scrape()
    paid(make_event())
    text = door.text().decode()
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
    assert counted["inscrit_database_up",] == 0


def test_one_slow_count_keeps_no_other_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "MOST_SECONDS", 0.2)
    monkeypatch.setitem(totals.SQL, "emails", "SELECT 'confirmed', 1, pg_sleep(60)")
    with capture_logs() as lines:
        counted = scrape()
    (line,) = lines
    assert (line["event"], line["which"]) == (LEFT_OUT, "emails")
    assert not any(name.startswith("inscrit_emails_total") for name, *_ in counted)
    assert counted["inscrit_metrics_unread",] == 1
    assert counted["inscrit_database_up",] == 1
    assert counted["inscrit_workers",] == 0


def test_what_the_time_does_not_last_for_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "LONGEST_SECONDS", 0.3)
    monkeypatch.setitem(totals.SQL, "journal", "SELECT 'PAID', '', false, 1, pg_sleep(60)")
    with capture_logs() as lines:
        counted = scrape()
    assert [line["error"] for line in lines[:2]] == ["OperationalError", "TooLate"]
    assert counted["inscrit_metrics_unread",] == len(totals.READERS)


def test_whoever_looks_at_the_health_is_told_what_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(totals, "MOST_SECONDS", 0.2)
    monkeypatch.setitem(backlog.SQL, "workers", "SELECT 1, 1.0, pg_sleep(60)")
    assert look()["Workers"] == ("–", UNTOLD)
    assert look()["Mails given up"] == ("0", "")
    totals.totals.forget()
    monkeypatch.undo()
    assert look()["Workers"] == ("0", "No mail goes out.")


def look() -> dict[str, tuple[str, str]]:
    """Each sign's value, and what is wrong with it."""
    with translation.override("en"):
        return {str(one.label): (one.value, str(one.wrong)) for one in signs.now()}


def test_the_journal_is_counted_from_its_index() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + totals.SQL["journal"].split("\n", 1)[1])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "journal_counted" in plan
    assert "Filter" not in plan


def test_mails_that_wait_are_counted_with_the_age_of_the_oldest() -> None:
    paid(make_event())
    Message.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    counted = scrape()
    assert counted["inscrit_emails_waiting", "queued"] == 1
    assert counted["inscrit_oldest_waiting_email_seconds",] >= 600
    Message.objects.update(state="failed")
    counted = scrape()
    assert counted["inscrit_emails_waiting", "failed"] == 1
    assert counted["inscrit_oldest_waiting_email_seconds",] == 0


def test_jobs_are_counted_by_queue_and_whether_they_are_due() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
        paid(make_event())
        cursor.execute("UPDATE procrastinate_events SET at = now() - interval '5 minutes'")
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at)"
            " VALUES ('money', 'a later one', now() + interval '1 hour')"
        )
    counted = scrape()
    assert counted["inscrit_jobs", "mail", "due"] == 1
    assert counted["inscrit_oldest_due_job_seconds", "mail"] >= 300
    assert counted["inscrit_jobs", "money", "later"] == 1
    assert counted["inscrit_oldest_due_job_seconds", "money"] == 0
    assert {name[1] for name in counted if name[0] == "inscrit_jobs"} == set(QUEUES)


def test_workers_count_as_long_as_they_give_a_sign_of_life() -> None:
    assert scrape()["inscrit_workers",] == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now()), (now()), (now() - interval '1 minute')"
        )
        counted = scrape()
        cursor.execute("DELETE FROM procrastinate_workers")
    assert counted["inscrit_workers",] == 1  # both sides of one
    assert counted["inscrit_worker_last_heartbeat_timestamp_seconds",] > time.time() - 60


def test_stripe_is_silent_while_no_event_follows_a_checkout_session() -> None:
    assert scrape()["inscrit_webhook_silence_seconds",] == 0
    registration = register(make_event())
    hour_ago = timezone.now() - timedelta(hours=1)
    soon = timezone.now() + timedelta(minutes=1)
    registration.sessions.create(
        attempt=9, stripe_id="cs_9", status="open", url="x", expires_at=soon, created_at=hour_ago
    )
    assert scrape()["inscrit_webhook_silence_seconds",] >= 3600
    forget_an_event()  # one that was delivered after it
    StripeEvent.objects.update(received_at=timezone.now(), secret="reconciliation")
    assert scrape()["inscrit_webhook_silence_seconds",] >= 3600
    StripeEvent.objects.update(secret="0123456789ab")
    counted = scrape()
    assert counted["inscrit_webhook_silence_seconds",] == 0
    assert counted["inscrit_last_webhook_timestamp_seconds",] >= hour_ago.timestamp()


def test_money_and_places_are_summed_up() -> None:
    event = make_event()
    bought = paid(event)
    register(event)
    counted = scrape()
    assert counted["inscrit_money_received_total", "eur"] == bought.amount
    assert counted["inscrit_money_returned_total", "eur"] == 0
    assert counted["inscrit_registrations", "PAID"] == 1
    assert counted["inscrit_registrations", "PENDING"] == 1
    event.refresh_from_db()
    assert counted["inscrit_places", "confirmed"] == event.confirmed
    assert counted["inscrit_places", "held"] == event.held
    assert counted["inscrit_places", "remaining"] == event.free
    assert counted["inscrit_events_on_sale",] == 1


def test_the_database_tells_its_size_and_its_connections() -> None:
    counted = scrape()
    assert counted["inscrit_database_up",] == 1
    assert counted["inscrit_database_size_bytes",] > 0
    assert counted["inscrit_database_connections", "active"] >= 1
    assert counted["inscrit_database_connections_limit",] >= 10
