"""Reconciliation: whatever webhooks did not tell is found at Stripe, and put right once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from inscrit.payments.models import CheckoutSession, Dispute, Payment, Refund
from inscrit.reconciliation.models import ReconciliationRun
from inscrit.reconciliation.services import Reconciliation
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import RefundRequested
from inscrit.registrations.models import Registration
from inscrit.registrations.services import report

from .account import Account, long_ago, make_event, reconcile, register

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(done: Reconciliation) -> list[str]:
    return [str(finding.kind) for finding in done.findings]


def now(registration: Registration) -> Registration:
    registration.refresh_from_db()
    registration.event.refresh_from_db()
    return registration


def places(registration: Registration) -> tuple[int, int]:
    return registration.event.confirmed, registration.event.held


def only_by_id() -> None:
    """From here on nothing is new enough to be listed."""
    run = ReconciliationRun.objects.latest("pk")
    later = (timezone.now() + timedelta(days=1)).isoformat()
    run.cursors = dict.fromkeys(run.cursors, later)
    run.save()


def test_a_payment_that_no_webhook_told_of_is_confirmed_once(account: Account) -> None:
    registration = register()
    intent = account.pay(registration)
    done = reconcile()
    (finding,) = done.findings
    assert (finding.kind, finding.subject) == ("payment_missed", intent["id"])
    assert finding.registration == registration.pk
    assert finding.ours["status"] == "PENDING"
    assert not finding.needs_person
    assert "PENDING → PAID" in finding.done
    assert now(registration).status == "PAID"
    assert places(registration) == (1, 0)
    assert registration.journal.filter(to_status="PAID").get().actor == "reconciliation"
    assert registration.sessions.get().status == "complete"
    assert kinds(reconcile()) == []
    assert registration.messages.filter(kind="confirmed").count() == 1


def test_a_session_that_expired_unheard_gives_its_places_back(account: Account) -> None:
    registration = register(places=2)
    account.expire(registration)
    assert kinds(reconcile()) == ["expiry_missed"]
    assert now(registration).status == "EXPIRED"
    assert places(registration) == (0, 0)
    assert registration.messages.get().kind == "expired"
    assert kinds(reconcile()) == []


def test_what_is_open_and_being_paid_is_left_alone(account: Account) -> None:
    registration = register()
    assert kinds(reconcile()) == []
    assert now(registration).status == "PENDING"
    assert places(registration) == (0, 1)


SEPA = {
    "later": "AT591904300235473203",
    "well": "AT321904300235473204",
    "badly": "AT051904300235473205",
}


def test_a_delayed_payment_is_followed_for_days_by_its_id(account: Account) -> None:
    registration = register()
    account.pay(registration, iban=SEPA["well"])
    assert kinds(reconcile()) == ["payment_missed"]
    assert now(registration).status == "PROCESSING"
    assert kinds(reconcile()) == []
    only_by_id()
    account.advance(timedelta(days=5))
    assert kinds(reconcile()) == ["payment_missed"]
    assert now(registration).status == "PAID"
    assert kinds(reconcile()) == []


@pytest.mark.parametrize("known", [True, False])
def test_a_delayed_payment_that_failed_frees_the_places_and_tells(
    account: Account, known: bool
) -> None:
    registration = register()
    account.pay(registration, iban=SEPA["badly"])
    if known:
        reconcile()
        only_by_id()
    account.advance(timedelta(days=5))
    assert kinds(reconcile()) == ["payment_failure_missed"]
    assert now(registration).status == "FAILED"
    assert places(registration) == (0, 0)
    assert registration.messages.get().kind == "payment_failed"
    assert kinds(reconcile()) == []


def test_a_delayed_payment_that_never_ends_is_told_once(account: Account) -> None:
    registration = register()
    account.pay(registration, iban=SEPA["well"])
    reconcile()
    Payment.objects.update(created_at=timezone.now() - timedelta(days=22))
    done = reconcile()
    assert kinds(done) == ["payment_overdue"]
    assert done.for_a_person
    again = reconcile()
    assert [finding.known for finding in again.findings] == [True]
    assert again.run.differences == {}


def test_a_payment_of_another_amount_is_flagged_as_its_webhook_would_be(account: Account) -> None:
    registration = register()
    Registration.objects.update(amount=999)
    account.pay(registration)
    done = reconcile()
    assert kinds(done) == ["payment_rejected"]
    assert done.for_a_person
    assert now(registration).status == "PENDING"
    assert registration.review == "amount_mismatch"
    assert kinds(reconcile()) == []


def test_money_for_a_registration_that_does_not_exist_is_told_and_not_touched(
    account: Account,
) -> None:
    stranger = {"client_reference_id": "reg-2nobody", "metadata[registrationId]": "reg-2nobody"}
    tagged = {"payment_intent_data[metadata][registrationId]": "reg-2nobody"}
    session = account.session_of_somebody(**stranger, **tagged)
    assert kinds(reconcile()) == []
    account.control(f"/sessions/{session['id']}/pay")
    done = reconcile()
    assert kinds(done) == ["unknown_registration"]
    assert done.findings[0].registration == "reg-2nobody"
    assert done.run.differences == {"unknown_registration": 1}
    again = reconcile()
    assert again.for_a_person
    assert again.run.differences == {}


def test_another_applications_money_is_nobody_elses_business(account: Account) -> None:
    session = account.session_of_somebody(client_reference_id="order-7")
    paid = account.control(f"/sessions/{session['id']}/pay")
    charge = account.get(f"payment_intents/{paid['payment_intent']}")["latest_charge"]
    account.control(f"/charges/{charge}/refund", amount=100)
    account.control(f"/charges/{charge}/dispute")
    done = reconcile()
    assert kinds(done) == []
    assert done.run.checked["refunds"] == done.run.checked["disputes"] == 1


def test_a_refund_in_the_dashboard_is_found(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    account.refund(registration, amount=250)
    assert kinds(reconcile()) == ["refund_missed"]
    assert (now(registration).status, registration.amount_refunded) == ("PAID", 250)
    account.refund(registration)
    assert kinds(reconcile()) == ["refund_missed"]
    assert (now(registration).status, registration.amount_refunded) == ("REFUNDED", 1250)
    assert kinds(reconcile()) == []
    assert Refund.objects.count() == 2


def test_everything_of_a_payment_is_found_at_once(account: Account) -> None:
    registration = register()
    account.pay(registration)
    account.refund(registration)
    assert sorted(kinds(reconcile())) == ["payment_missed", "refund_missed"]
    assert now(registration).status == "REFUNDED"
    assert kinds(reconcile()) == []


@pytest.mark.parametrize(
    ("card", "ends"), [("4000000000007726", "succeeded"), ("4000000000005126", "failed")]
)
def test_a_refund_of_ours_that_moves_on_unheard_is_followed(
    account: Account, card: str, ends: str
) -> None:
    registration = register()
    account.pay(registration, card=card)
    account.refund(registration, amount=250)
    reconcile()
    account.advance(timedelta(days=3))
    done = reconcile()
    assert kinds(done) == ["refund_missed"]
    assert bool(done.for_a_person) == (ends == "failed")
    assert Refund.objects.get().status == ends
    assert kinds(reconcile()) == []


def test_a_pending_refund_is_asked_for_by_its_id(account: Account) -> None:
    registration = register()
    account.pay(registration, card="4000000000007726")
    account.refund(registration, amount=250)
    reconcile()
    only_by_id()
    assert Refund.objects.get().status == "pending"
    account.advance(timedelta(days=3))
    assert kinds(reconcile()) == ["refund_missed"]
    assert Refund.objects.get().status == "succeeded"


def test_a_refund_that_stays_pending_for_weeks_is_told(account: Account) -> None:
    registration = register()
    account.pay(registration, card="4000000000007726")
    account.refund(registration, amount=250)
    reconcile()
    Refund.objects.update(created_at=timezone.now() - timedelta(days=22))
    done = reconcile()
    assert kinds(done) == ["refund_overdue"]
    assert done.for_a_person


def test_a_refund_whose_job_came_to_nothing_is_sent(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    report(Report(RefundRequested(400), "organiser", registration.pk))
    assert kinds(reconcile()) == []
    Refund.objects.update(created_at=timezone.now() - timedelta(hours=1))
    done = reconcile()
    assert kinds(done) == ["refund_not_sent"]
    assert done.findings[0].done == ("ordered → succeeded",)
    assert now(registration).amount_refunded == 400
    assert kinds(reconcile()) == []
    assert len(account.get("refunds")["data"]) == 1


@pytest.mark.parametrize(("verdict", "status"), [("win", "PAID"), ("lose", "REFUNDED")])
def test_a_dispute_is_found_and_followed_to_its_end(
    account: Account, verdict: str, status: str
) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    dispute = account.dispute(registration)
    done = reconcile()
    assert kinds(done) == ["dispute_missed"]
    assert done.for_a_person
    assert now(registration).review == "dispute_opened"
    assert kinds(reconcile()) == []
    only_by_id()
    account.control(f"/disputes/{dispute}/{verdict}")
    assert kinds(reconcile()) == ["dispute_missed"]
    assert now(registration).status == status
    assert Dispute.objects.get().status == ("won" if verdict == "win" else "lost")
    assert kinds(reconcile()) == []


def test_an_inquiry_moves_no_money(account: Account) -> None:
    registration = register()
    account.pay(registration)
    account.dispute(registration, inquiry=True)
    assert sorted(kinds(reconcile())) == ["dispute_missed", "payment_missed"]
    assert now(registration).status == "PAID"
    assert kinds(reconcile()) == []


def test_a_second_payment_is_sent_back(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    tag = {"payment_intent_data[metadata][registrationId]": registration.pk}
    again = account.session_of_somebody(
        **{"metadata[registrationId]": registration.pk}, **tag,
        **{"line_items[0][price_data][unit_amount]": 1250},
    )  # fmt: skip
    account.control(f"/sessions/{again['id']}/pay")
    assert kinds(reconcile()) == ["payment_missed"]
    assert now(registration).status == "PAID"
    assert Refund.objects.get().reason == "second_payment_refunded"
    assert kinds(reconcile()) == []


def test_an_open_session_past_its_end_is_asked_for_by_its_id(account: Account) -> None:
    paid, abandoned = register(), register()
    reconcile()
    only_by_id()
    account.pay(paid)
    account.expire(abandoned)
    long_ago(paid)
    long_ago(abandoned)
    assert sorted(kinds(reconcile())) == ["expiry_missed", "payment_missed"]
    assert (now(paid).status, now(abandoned).status) == ("PAID", "EXPIRED")
    assert kinds(reconcile()) == []


def test_a_hold_that_ended_is_freed_once_nobody_can_pay_it(account: Account) -> None:
    registration = register()
    long_ago(registration)
    done = reconcile()
    assert kinds(done) == ["hold_not_freed"]
    assert done.findings[0].done == ("PENDING → EXPIRED",)
    assert account.get(f"checkout/sessions/{account.session_id(now(registration))}")["status"] == (
        "expired"
    )
    assert kinds(reconcile()) == []


def test_a_session_whose_answer_was_lost_is_recognised_when_it_is_paid(account: Account) -> None:
    registration = register()
    account.pay(registration)
    # As if the process had died between Stripe's answer and our storing it.
    registration.sessions.update(stripe_id=None, url="", status="opening")
    assert kinds(reconcile()) == ["payment_missed"]
    assert now(registration).status == "PAID"
    session = registration.sessions.get()
    assert session.status == "complete"
    assert session.stripe_id
    assert kinds(reconcile()) == []


def test_an_attempt_to_pay_that_never_reached_stripe_is_closed(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    past = timezone.now() - timedelta(days=2)
    CheckoutSession.objects.create(
        registration=registration, attempt=2, expires_at=past, created_at=past
    )
    assert kinds(reconcile()) == ["session_not_closed"]
    assert registration.sessions.get(attempt=2).status == "failed"
    assert now(registration).status == "PAID"
    assert kinds(reconcile()) == []


def test_a_session_that_only_was_not_closed_is_closed(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    registration.sessions.update(status="open")
    assert kinds(reconcile()) == ["session_not_closed"]
    assert registration.sessions.get().status == "complete"
    assert kinds(reconcile()) == []


def test_a_payment_that_stripe_does_not_know_is_told(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    Registration.objects.update(review="late_payment_review")
    Payment.objects.create(
        key="pi_made_up", registration=registration, status="succeeded", amount=1250, currency="eur"
    )
    done = reconcile()
    assert kinds(done) == ["unknown_to_stripe"]
    assert done.findings[0].subject == "pi_made_up"
    assert done.for_a_person
    assert [finding.known for finding in reconcile().findings] == [True]


@pytest.mark.parametrize("wrong", [{"amount": 1300}, {"currency": "usd"}])
def test_a_payment_recorded_otherwise_than_stripe_has_it_is_told(
    account: Account, wrong: dict[str, Any]
) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    Payment.objects.update(**wrong)
    done = reconcile()
    assert kinds(done) == ["payment_differs"]
    assert done.for_a_person
    assert now(registration).status == "PAID"


def test_a_paid_registration_whose_payment_has_not_succeeded_is_told(account: Account) -> None:
    registration = register()
    account.pay(registration, iban=SEPA["well"])
    reconcile()
    Payment.objects.update(status="succeeded")
    Registration.objects.update(status="PAID", paid_at=timezone.now())
    done = reconcile()
    assert kinds(done) == ["payment_differs"]
    assert done.findings[0].stripe["status"] == "processing"
    only_by_id()
    Payment.objects.update(created_at=timezone.now() + timedelta(days=2))
    assert kinds(reconcile()) == ["payment_differs"]


def rows() -> Counter[tuple[Any, ...]]:
    """Everything that is in the database, but for sequences."""
    found: Counter[tuple[Any, ...]] = Counter()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            found.update((table, *row) for row in cursor.fetchall())
    return found


def test_a_dry_run_says_the_same_and_changes_nothing(account: Account) -> None:
    event = make_event()
    paid, abandoned, debited, refunded, lapsed = (register(event) for _ in range(5))
    account.pay(paid)
    account.expire(abandoned)
    account.pay(debited, iban=SEPA["well"])
    account.pay(refunded)
    account.refund(refunded)
    long_ago(lapsed)
    account.session_of_somebody()
    sessions = account.get("checkout/sessions", limit=100)
    before = rows()
    dry = reconcile(dry_run=True)
    assert rows() == before
    assert account.get("checkout/sessions", limit=100) == sessions
    assert not ReconciliationRun.objects.exists()
    real = reconcile()
    assert {finding.key for finding in dry.findings} == {finding.key for finding in real.findings}
    assert len(dry.findings) == len(real.findings) == 6
    assert kinds(reconcile()) == []
