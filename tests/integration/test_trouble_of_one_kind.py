"""Trouble of one kind that must not spread: a key's rights, a race, a mail that was held up."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone

from inscrit.mail import delivery
from inscrit.mail.models import Message
from inscrit.monitoring import audit
from inscrit.monitoring.totals import exposition, totals
from inscrit.payments import cancelling, checkout, stripe_gateway, tasks
from inscrit.payments.models import Refund
from inscrit.payments.stripe_gateway import StripeRefused, StripeUnavailable
from inscrit.reconciliation.services import BrokenOff
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutExpired,
    DisputeChanged,
    DisputeStatus,
    Fact,
    RefundChanged,
    RefundStatus,
)
from inscrit.registrations.models import JournalEntry, Registration
from inscrit.webhooks.models import StripeEvent

from .account import Account, long_ago, make_event, reconcile, register
from .at_stripe import AtStripe, deliver
from .conftest import Caller
from .mailserver import mail_server

pytestmark = pytest.mark.django_db(transaction=True)


def told(registration: Registration, payment: str, *facts: Fact) -> None:
    for fact in facts:
        services.report(Report(fact, "test", registration.pk, payment=payment))
    registration.refresh_from_db()


def paid(account: Account, **said: Any) -> tuple[Registration, str]:
    registration = register(make_event(**said))
    payment = account.pay(registration)["id"]
    async_to_sync(checkout.confirm_return)(registration.pk)
    return registration, payment


@pytest.mark.parametrize("hint", ["%00", "cs_%00", "x" * 3000, "%F0%9F%8E%89"])
def test_a_strange_session_in_the_address_is_only_a_hint(account: Account, hint: str) -> None:
    registration = register()
    answer = Client().get(f"{registration.get_absolute_url()}&session_id={hint}")
    assert answer.status_code == 200


def test_a_key_that_may_not_read_one_kind_still_compares_the_others(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = register()
    account.pay(registration)

    async def refused(*_: Any) -> AsyncIterator[list[str]]:
        if account:
            raise StripeRefused("The provided key does not have rak_event_read", None)
        yield []

    monkeypatch.setattr(stripe_gateway, "undelivered_events", refused)
    with pytest.raises(BrokenOff, match="rak_event_read"):
        reconcile()
    registration.refresh_from_db()
    assert registration.status == "PAID"


def test_the_rest_of_a_partly_lost_payment_is_no_blind_spot_of_the_audit(account: Account) -> None:
    registration, payment = paid(account)
    lost = DisputeChanged(payment, "dp_1", 400, DisputeStatus.LOST)
    told(registration, payment, lost, CancelRequested(refund=True))
    assert Refund.objects.get().amount == registration.amount - 400
    assert audit.run().breaches == []
    Refund.objects.all().delete()
    registration.payments.update(refund_ordered=0)
    assert [breach.check for breach in audit.run().breaches] == ["payment_without_place"]


def test_a_confirmation_that_was_held_up_goes_out_before_the_cancellation(
    account: Account,
) -> None:
    with mail_server() as _server:
        registration, payment = paid(account)
        later = timezone.now() + timedelta(minutes=100)
        Message.objects.update(state="retrying", attempts=9, next_try_at=later)
        told(registration, payment, CancelRequested(refund=True))
        cancelled = Message.objects.get(kind="cancelled")
        assert delivery.deliver(cancelled.pk) is delivery.Delivery.DONE
    sent = Message.objects.filter(state="sent").order_by("sent_at")
    assert [message.kind for message in sent] == ["confirmed", "cancelled"]


def test_a_refund_asked_for_twice_with_one_key_is_made_once(
    at_stripe: AtStripe, organiser: Caller
) -> None:
    made = organiser.register(organiser.open_event())
    at_stripe.pay(made)
    deliver(at_stripe.event(made, "checkout.session.completed"))
    path, key = f"/registrations/{made['id']}/refund", {"Idempotency-Key": "once-more"}
    for _ in range(2):
        assert organiser.post(path, {"amount": 500}, **key).status_code == 200
    assert [refund.amount for refund in Refund.objects.all()] == [500]
    assert organiser.post(path, {"amount": 600}, **key).status_code == 422
    assert organiser.post(path, {"amount": 500}).status_code == 200
    assert Refund.objects.count() == 2


def test_a_refund_that_fails_later_does_not_turn_the_counter_back(account: Account) -> None:
    registration, payment = paid(account)
    counted = []
    for status in (RefundStatus.SUCCEEDED, RefundStatus.FAILED):
        told(registration, payment, RefundChanged(payment, "re_1", 500, status))
        totals.forget()
        lines = exposition().decode().splitlines()
        refunds = [line for line in lines if 'reason="outside",result="succeeded"' in line]
        counted.append(refunds)
    assert counted[0] == counted[1]
    assert counted[0][0].endswith(" 1.0")


def test_a_hold_that_was_renewed_meanwhile_is_not_swept(account: Account) -> None:
    registration = register()
    registration.sessions.update(status="failed")
    long_ago(registration)
    lapsed = tasks._lapsed()
    assert lapsed == [registration.pk]
    async_to_sync(checkout.open_checkout)(registration.pk)
    for id_ in lapsed:
        async_to_sync(checkout.settle_lapsed_hold)(id_)
    registration.refresh_from_db()
    assert registration.status == "PENDING"


def test_a_session_opened_between_the_sweeps_look_and_its_word_keeps_the_places(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = register()
    registration.sessions.update(status="failed")
    long_ago(registration)
    report = checkout._report

    async def late(said: Report) -> None:
        if isinstance(said.fact, CheckoutExpired):
            await checkout.open_checkout(registration.pk)
        await report(said)

    monkeypatch.setattr(checkout, "_report", late)
    async_to_sync(checkout.settle_lapsed_hold)(registration.pk)
    registration.refresh_from_db()
    assert registration.status == "PENDING"


def test_a_cancelled_event_returns_what_was_under_review(account: Account) -> None:
    event = make_event(late_payment="review")
    registration = register(event)
    account.pay(registration)
    Registration.objects.filter(pk=registration.pk).update(status="EXPIRED", hold_expires_at=None)
    type(event).objects.filter(pk=event.pk).update(held=0)
    async_to_sync(checkout.confirm_return)(registration.pk)
    registration.refresh_from_db()
    assert registration.review == "late_payment_review"
    async_to_sync(cancelling.cancel_event)(event.pk, actor="test")
    registration = Registration.objects.get()
    assert registration.review is None
    assert Refund.objects.get().amount == registration.amount


def test_one_registration_that_can_not_be_cancelled_does_not_hold_up_its_event(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make_event(capacity=5)
    first, second = sorted([register(event), register(event)], key=lambda one: one.pk)
    cancel = cancelling.cancel

    async def broken(registration_id: str, **said: Any) -> None:
        if registration_id == first.pk:
            raise ZeroDivisionError
        await cancel(registration_id, **said)

    monkeypatch.setattr(cancelling, "cancel", broken)
    done = async_to_sync(cancelling.cancel_event)(event.pk, actor="test")
    assert (done.cancelled, done.waiting) == (1, 1)
    second.refresh_from_db()
    assert second.status == "CANCELLED"
    monkeypatch.undo()
    async_to_sync(tasks.sweep_cancellations.func)(0)
    first.refresh_from_db()
    assert first.status == "CANCELLED"


def test_a_replay_names_who_asked_for_it(at_stripe: AtStripe, organiser: Caller) -> None:
    made = organiser.register(organiser.open_event())
    at_stripe.pay(made)
    event = at_stripe.event(made, "checkout.session.completed")
    StripeEvent.objects.create(
        id=event["id"],
        type=event["type"],
        created=timezone.now(),
        livemode=False,
        outcome="failed",
        payload=json.dumps(event),
        secret="x",
        duration_us=1,
    )
    assert organiser.post(f"/stripe-events/{event['id']}/replay").status_code == 200
    actors = JournalEntry.objects.filter(registration=made["id"]).values_list("actor", flat=True)
    assert list(actors)[-1] == "api:a organiser"


def test_a_stray_session_that_can_not_be_ended_is_no_error_of_the_page(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = register()
    registration.sessions.update(status="opening", stripe_id=None, url="")
    store = checkout._store

    def given_up(attempt: Any, session: Any) -> bool:
        type(attempt).objects.filter(pk=attempt.pk).update(status="failed")
        return store(attempt, session)

    async def silent(_: str) -> None:
        raise StripeUnavailable("no answer")

    monkeypatch.setattr(checkout, "_store", given_up)
    monkeypatch.setattr(stripe_gateway, "expire_session", silent)
    answer = Client().post(registration.get_absolute_url().replace("?", "/pay?"))
    assert answer.status_code == 303
