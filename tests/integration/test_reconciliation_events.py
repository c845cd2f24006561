"""Stripe's events that never reached us are fetched, and taken in as if they had been delivered."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from inscrit import direct, ports
from inscrit.payments import stripe_gateway
from inscrit.reconciliation import comparison, theirs
from inscrit.registrations.ledger import Ledger, Report
from inscrit.registrations.models import Registration
from inscrit.webhooks import fetching, notification
from inscrit.webhooks.committer import Committer
from inscrit.webhooks.inbox import Received
from inscrit.webhooks.models import StripeEvent

from .account import Account, reconcile, register
from .conftest import running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)
NEVER = (86400.0,)


@pytest.fixture
def account(stripe_at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A Stripe whose only endpoint does not answer."""
    monkeypatch.setattr(stripe_gateway, "PACE_SECONDS", 0)
    nobody = f"http://127.0.0.1:{ports.free()}/stripe/webhooks"
    with running_sandbox(webhook_url=nobody, retry_delays=NEVER) as origin:
        stripe_at(origin)
        yield Account(origin)


def deliver(*bodies: str) -> None:
    """As the webhook lane stores what it has verified."""

    async def commit() -> None:
        committer = Committer(direct.address(), livemode=False)
        await committer.start()
        try:
            for body in bodies:
                await committer.commit(
                    Received(notification.read(body), body, "a secret", time.perf_counter())
                )
        finally:
            await committer.stop()

    asyncio.run(commit())


def test_an_undelivered_event_is_in_the_inbox_as_if_it_had_come(account: Account) -> None:
    registration = register()
    account.pay(registration)
    done = reconcile()
    assert [str(finding.kind) for finding in done.findings] == ["payment_missed"]
    registration.refresh_from_db()
    assert registration.status == "PAID"
    assert set(StripeEvent.objects.values_list("type", flat=True)) == {
        "checkout.session.completed",
        "payment_intent.succeeded",
    }
    entry = registration.journal.get(to_status="PAID", from_status="PENDING")
    assert entry.actor == "reconciliation"
    stored = StripeEvent.objects.get(pk=entry.stripe_event)
    assert stored.outcome == "applied"
    assert (stored.secret, stored.registration_id) == ("reconciliation", registration.pk)
    assert notification.read(stored.payload).id == stored.pk
    again = reconcile()
    assert again.findings == []
    assert set(StripeEvent.objects.values_list("deliveries", flat=True)) == {1}


def test_when_stripe_delivers_it_after_all_it_is_known(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    stored = list(StripeEvent.objects.all())
    deliver(*(event.payload for event in stored))
    assert StripeEvent.objects.count() == len(stored)
    assert set(StripeEvent.objects.values_list("deliveries", flat=True)) == {2}
    assert set(StripeEvent.objects.values_list("secret", flat=True)) == {"reconciliation"}
    assert registration.messages.filter(kind="confirmed").count() == 1


def test_an_event_that_another_endpoint_did_not_take_is_not_taken_in_again(
    account: Account,
) -> None:
    registration = register()
    account.pay(registration)
    bodies = undelivered()
    deliver(*bodies)
    assert reconcile().findings == []
    assert set(StripeEvent.objects.values_list("deliveries", flat=True)) == {1}
    assert set(StripeEvent.objects.values_list("secret", flat=True)) == {"a secret"}


@pytest.mark.parametrize("listed", [theirs, comparison])
def test_a_webhook_that_was_only_under_way_is_no_difference(
    account: Account, monkeypatch: pytest.MonkeyPatch, listed: ModuleType
) -> None:
    """Whether Stripe's list of events showed it first, or the list of sessions."""
    registration = register()
    account.pay(registration)
    bodies = undelivered()

    async def it_arrives() -> None:
        await asyncio.to_thread(deliver, *bodies)

    monkeypatch.setattr(listed, "webhooks_under_way", it_arrives)
    if listed is comparison:
        monkeypatch.setattr(fetching, "missing", lambda _: [])
    assert reconcile().findings == []
    assert set(StripeEvent.objects.values_list("secret", flat=True)) == {"a secret"}
    paid = registration.journal.get(from_status="PENDING", to_status="PAID")
    assert paid.actor == "webhook"


def undelivered(*types: str) -> list[str]:
    since = timezone.now() - timedelta(hours=1)
    wanted = types or tuple(sorted(notification.HANDLED))

    async def read() -> list[str]:
        pages = stripe_gateway.undelivered_events(since, wanted)
        return [body async for page in pages for body in page]

    return async_to_sync(read)()


@pytest.mark.parametrize("number", [0, 3, 100, 101, 250])
def test_events_are_read_from_old_to_new_page_by_page(account: Account, number: int) -> None:
    made = [
        account.control("/test_event", type="checkout.session.expired")["id"] for _ in range(number)
    ]
    found = undelivered("checkout.session.expired")
    assert [notification.read(body).id for body in found] == made


def test_a_dropped_event_is_found(account: Account) -> None:
    account.break_down(kind="drop", event="checkout.session.expired")
    registration = register()
    account.expire(registration)
    assert [str(finding.kind) for finding in reconcile().findings] == ["expiry_missed"]
    registration.refresh_from_db()
    assert registration.status == "EXPIRED"
    assert StripeEvent.objects.get().outcome == "applied"


def test_a_foreign_event_is_stored_as_its_webhook_would_be_and_is_no_difference(
    account: Account,
) -> None:
    account.control("/test_event", type="checkout.session.completed")
    assert reconcile().findings == []
    assert StripeEvent.objects.get().outcome == "unmatched"


@contextmanager
def one_poisoned(monkeypatch: pytest.MonkeyPatch, registration: Registration) -> Iterator[None]:
    apply = Ledger.apply

    def fails(ledger: Ledger, report: Report) -> Any:
        if report.registration == registration.pk:
            raise ValueError("our own error")
        return apply(ledger, report)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "apply", fails)
        yield


def test_what_fails_by_our_own_error_is_told_and_holds_up_nothing_else(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned, other = register(), register()
    account.pay(poisoned)
    account.pay(other)
    with one_poisoned(monkeypatch, poisoned):
        done = reconcile()
    other.refresh_from_db()
    assert other.status == "PAID"
    assert {str(one.kind) for one in done.findings} == {"payment_missed", "not_applied"}
    assert done.for_a_person
    failed = StripeEvent.objects.filter(outcome="failed")
    assert failed.count() == 2
    assert all(event.next_try_at for event in failed)
    assert [str(finding.kind) for finding in reconcile().findings] == ["payment_missed"]
    poisoned.refresh_from_db()
    assert poisoned.status == "PAID"


def test_an_event_the_database_refuses_is_kept_as_failed_and_the_others_go_through(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, other = register(), register()
    account.pay(refused)
    account.pay(other)
    write = Ledger.writing

    def refuses(ledger: Ledger) -> Any:
        if any(entry.before.id == refused.pk for entry in ledger.entries):
            raise ValueError("refused")
        return write(ledger)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "writing", refuses)
        done = reconcile()
    assert StripeEvent.objects.filter(outcome="failed").exists()
    other.refresh_from_db()
    assert other.status == "PAID"
    assert done.for_a_person
    reconcile()
    refused.refresh_from_db()
    assert refused.status == "PAID"


def test_fetching_an_event_that_is_no_event_stores_nothing() -> None:
    assert fetching.take_in(['{"id": "evt_1"}', "nothing at all"]) == []
    assert not StripeEvent.objects.exists()


def test_after_a_day_without_the_web_side_one_run_brings_everything_right(
    account: Account,
) -> None:
    paid, abandoned, debited, refused, refunded = (register() for _ in range(5))
    account.pay(paid)
    account.pay(debited, iban="AT321904300235473204")
    account.pay(refused, iban="AT051904300235473205")
    account.pay(refunded)
    account.refund(refunded)
    declined = register()
    account.pay(declined)
    account.advance(timedelta(days=1))
    done = reconcile()
    assert not done.for_a_person
    expected = {paid: "PAID", debited: "PAID", refunded: "REFUNDED", declined: "PAID"}
    for registration, status in {**expected, abandoned: "EXPIRED", refused: "FAILED"}.items():
        registration.refresh_from_db()
        assert registration.status == status
        registration.event.refresh_from_db()
        confirmed = 1 if status == "PAID" else 0
        assert (registration.event.confirmed, registration.event.held) == (confirmed, 0)
        confirmations = registration.messages.filter(kind="confirmed").count()
        assert confirmations == confirmed or registration == refunded
    assert reconcile().findings == []


def test_after_more_than_three_days_with_the_endpoint_disabled_as_well(account: Account) -> None:
    (endpoint,) = account.get("webhook_endpoints")["data"]
    account.post(f"webhook_endpoints/{endpoint['id']}", {"disabled": "true"})
    paid, abandoned, debited = (register() for _ in range(3))
    account.pay(paid)
    account.pay(debited, iban="AT321904300235473204")
    account.advance(timedelta(days=4))
    assert undelivered() == []
    assert not reconcile().for_a_person
    found = {one.pk: one.status for one in Registration.objects.all()}
    assert found == {paid.pk: "PAID", debited.pk: "PAID", abandoned.pk: "EXPIRED"}
    assert reconcile().findings == []
