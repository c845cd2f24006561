"""What Stripe, networks and people do at the wrong moment, and that it comes out right.

Each test is a line of docs/reference/failure-scenarios.md.
"""

import asyncio
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
import structlog
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.utils import timezone
from stripe import WebhookSignature

from inscrit.events.models import Event
from inscrit.payments import checkout, tasks
from inscrit.payments.models import CheckoutSession, Payment, Refund
from inscrit.registrations.models import JournalEntry, Registration
from inscrit.webhooks.models import StripeEvent
from inscrit.webhooks.services import DELAYS
from inscrit.webhooks.tasks import sweep_inbox

from .account import Made
from .at_stripe import (
    SECRET,
    AtStripe,
    Happening,
    changed,
    deliver,
    lane,
    mails,
    places,
    post,
    review,
    status,
    work,
)
from .conftest import Caller, order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


# Told twice, at once, in the wrong order


def test_the_same_event_told_twice_and_at_once_has_one_effect(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event(), participants=2)
    at_stripe.pay(made)
    event = at_stripe.event(made, "checkout.session.completed")
    deliver(*[event] * 5, at_once=True)
    deliver(event)
    assert (status(made), places(made), mails(made)) == ("PAID", (2, 0), ["confirmed"])
    assert StripeEvent.objects.get().deliveries == 6
    assert JournalEntry.objects.filter(to_status="PAID").count() == 1


def test_two_events_of_one_change_have_one_effect(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """Sometimes Stripe makes two Events of one change, each with an id of its own."""
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    event = at_stripe.event(made, "checkout.session.completed")
    assert deliver(event, changed(event, "evt_of_the_same")) == ["applied", "duplicate"]
    assert (places(made), mails(made)) == ((1, 0), ["confirmed"])


def test_webhook_and_browser_return_at_the_same_moment_confirm_once_and_send_one_mail(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    event = organiser.open_event()
    for _ in range(5):
        made = anybody.register(event)
        at_stripe.pay(made)
        told = at_stripe.event(made, "checkout.session.completed")
        together = threading.Barrier(2, timeout=30)

        def return_from_stripe(made: Made = made, together: threading.Barrier = together) -> None:
            together.wait()
            async_to_sync(checkout.confirm_return)(made["id"])
            connection.close()

        browser = threading.Thread(target=return_from_stripe)
        browser.start()
        together.wait()
        deliver(told)
        browser.join()
        assert (status(made), mails(made)) == ("PAID", ["confirmed"])
        paid = JournalEntry.objects.filter(registration=made["id"], to_status="PAID")
        assert paid.filter(from_status="PENDING").count() == 1
    assert places(made) == (5, 0)


def test_expired_told_after_completed_takes_no_place_away(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    completed = at_stripe.event(made, "checkout.session.completed")
    expired = changed(completed, "evt_expired", status="expired", payment_status="unpaid")
    expired["type"] = "checkout.session.expired"
    assert deliver(completed, expired) == ["applied", "ignored"]
    assert (status(made), places(made), mails(made)) == ("PAID", (1, 0), ["confirmed"])


def test_payment_failed_told_after_succeeded_undoes_nothing(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.decline(made)
    at_stripe.pay(made)
    outcomes = at_stripe.tell(
        made,
        "checkout.session.completed",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
    )
    assert outcomes == ["applied", "duplicate", "ignored"]
    assert (status(made), places(made), mails(made)) == ("PAID", (1, 0), ["confirmed"])


def test_a_declined_card_frees_nothing_and_the_next_one_confirms(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.decline(made)
    at_stripe.tell(made)
    assert (status(made), places(made), mails(made)) == ("PENDING", (0, 1), [])
    at_stripe.pay(made)
    at_stripe.tell(made)
    assert (status(made), places(made)) == ("PAID", (1, 0))


@pytest.mark.parametrize("last", ["the failure", "the success"])
def test_two_updates_within_one_second_are_not_ordered_by_their_time(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe, last: str
) -> None:
    """Stripe's times are whole seconds: here the failure even claims to be the later one."""
    made = anybody.register(organiser.open_event())
    at_stripe.decline(made)
    at_stripe.pay(made)
    failed = at_stripe.event(made, "payment_intent.payment_failed")
    succeeded = at_stripe.event(made, "payment_intent.succeeded")
    failed["created"] = succeeded["created"] + 1
    deliver(*((succeeded, failed) if last == "the failure" else (failed, succeeded)))
    assert (status(made), mails(made)) == ("PAID", ["confirmed"])


def test_all_events_of_a_payment_told_backwards_end_in_the_same(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.decline(made)
    at_stripe.pay(made)
    at_stripe.refund(made, 250)
    deliver(*reversed(at_stripe.events(made)))
    work("webhooks")
    assert (status(made), places(made)) == ("PAID", (1, 0))
    assert Registration.objects.get().amount_refunded == 250
    assert mails(made).count("confirmed") == 1


# Opening a session


def test_a_webhook_that_comes_before_its_session_is_stored_confirms(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """It names the registration itself; we need not know the session."""
    made = anybody.register(organiser.open_event())
    CheckoutSession.objects.update(stripe_id=None, url="", status="opening")
    at_stripe.pay(made)
    assert at_stripe.tell(made, "checkout.session.completed") == ["applied"]
    assert (status(made), places(made)) == ("PAID", (1, 0))


@pytest.mark.parametrize("answer", ["an error", "silence"])
def test_an_answer_to_opening_that_is_lost_opens_no_second_session(
    organiser: Caller,
    anybody: Caller,
    at_stripe: AtStripe,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    """Stripe has opened it, and we did not hear; the same key finds it again."""
    fault = {"kind": "error"} if answer == "an error" else {"kind": "timeout", "seconds": 1}
    monkeypatch.setattr("inscrit.payments.stripe_gateway.TIMEOUT", 0.5)
    monkeypatch.setattr("inscrit.payments.stripe_gateway._clients", {})
    at_stripe.break_down(path="/v1/checkout/sessions", after=True, remaining=1, **fault)
    made = anybody.register(organiser.open_event())
    (session,) = at_stripe.sessions(made)
    assert CheckoutSession.objects.get().stripe_id == session["id"]
    assert made["checkout_url"] == session["url"]


def test_a_session_whose_every_answer_was_lost_is_given_up_and_seats_nobody(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """Nobody was sent to it. Its end, when Stripe tells of it, changes nothing."""
    event = organiser.open_event()
    at_stripe.break_down(kind="error", path="/v1/checkout/sessions", after=True)
    path = f"/events/{event['id']}/registrations"
    assert anybody.post(path, order()).status_code == 503
    at_stripe.mend()
    given_up = {"id": Registration.objects.get().pk}
    (session,) = at_stripe.sessions(given_up)
    at_stripe.control(f"/sessions/{session['id']}/expire")
    assert at_stripe.tell(given_up) == ["ignored"]
    assert (status(given_up), places(given_up), mails(given_up)) == ("CANCELLED", (0, 0), [])


@pytest.mark.parametrize("times", [1, 3])
def test_on_opening_day_stripes_too_many_requests_are_waited_out(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe, times: int
) -> None:
    at_stripe.break_down(kind="rate_limit", path="/v1/checkout/sessions", remaining=times)
    made = anybody.register(organiser.open_event())
    assert made["checkout_url"]
    assert len(at_stripe.sessions(made)) == 1


def test_each_attempt_to_pay_has_a_key_of_its_own_so_that_a_new_one_is_not_blocked(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    completed = at_stripe.event(made, "checkout.session.completed")
    # Somebody made a voucher of it in the Dashboard: this attempt is over, without its money.
    deliver(changed(completed, "evt_less", amount_total=1000))
    assert status(made) == "PENDING"
    again = {**made, "checkout_url": async_to_sync(checkout.open_checkout)(made["id"])}
    first, second = CheckoutSession.objects.order_by("attempt")
    assert first.idempotency_key != second.idempotency_key
    assert first.stripe_id != second.stripe_id
    at_stripe.pay(again)
    deliver(at_stripe.event(again, "checkout.session.completed"))
    assert (status(made), places(made)) == ("PAID", (1, 0))
    assert review(made) == "amount_mismatch"


# Paid too late, twice, through an older session


def lapse(at_stripe: AtStripe, made: Made) -> None:
    """We take the hold for lapsed, although its session can still be paid."""
    session = at_stripe.session(made) | {"status": "expired"}
    expired = {
        "id": f"evt_lapsed_{made['id']}",
        "object": "event",
        "type": "checkout.session.expired",
        "created": 1_790_000_000,
        "livemode": False,
        "data": {"object": session},
    }
    assert deliver(expired) == ["applied"]
    assert status(made) == "EXPIRED"


def test_paid_after_the_hold_lapsed_is_seated_again_while_places_are_free(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event(capacity=2), participants=2)
    lapse(at_stripe, made)
    assert places(made) == (0, 0)
    at_stripe.pay(made)
    at_stripe.tell(made)
    assert (status(made), places(made)) == ("PAID", (2, 0))
    assert mails(made) == ["expired", "confirmed"]
    assert not Refund.objects.exists()


def test_paid_after_the_places_went_to_others_is_refunded_and_told(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    event = organiser.open_event(capacity=2)
    late = anybody.register(event, participants=2)
    lapse(at_stripe, late)
    other = anybody.register(event, participants=1)
    at_stripe.pay(late)
    at_stripe.tell(late)
    assert work("money").count("send_refund") == 1
    at_stripe.tell(late)
    assert at_stripe.charge(late)["amount_refunded"] == 2500
    assert (status(late), status(other)) == ("REFUNDED", "PENDING")
    assert places(other) == (0, 1)
    assert mails(late) == ["expired", "late_refunded"]


@pytest.mark.parametrize(("policy", "flag"), [("refund", None), ("review", "late_payment_review")])
def test_paid_late_at_an_event_that_seats_nobody_late_goes_back_or_to_a_person(
    organiser: Caller,
    anybody: Caller,
    at_stripe: AtStripe,
    policy: str,
    flag: str | None,
) -> None:
    made = anybody.register(organiser.open_event(late_payment=policy))
    lapse(at_stripe, made)
    at_stripe.pay(made)
    at_stripe.tell(made)
    assert (status(made), review(made)) == ("EXPIRED", flag)
    assert Refund.objects.exists() is (policy == "refund")
    assert places(made) == (0, 0)


def test_who_pays_while_the_hold_lapses_is_confirmed_and_not_expired(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """No webhook came. The session can't be ended, it is complete: that means paid."""
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    Registration.objects.update(hold_expires_at=timezone.now() - timedelta(minutes=5))
    async_to_sync(tasks.sweep_lapsed_holds.func)(0)
    assert (status(made), places(made), mails(made)) == ("PAID", (1, 0), ["confirmed"])


def test_an_abandoned_checkout_is_ended_and_its_places_are_free_again(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """Whether or not Stripe's own word of it ever comes."""
    event = organiser.open_event(capacity=1)
    made = anybody.register(event)
    Registration.objects.update(hold_expires_at=timezone.now() - timedelta(minutes=5))
    async_to_sync(tasks.sweep_lapsed_holds.func)(0)
    assert (status(made), places(made)) == ("EXPIRED", (0, 0))
    assert at_stripe.session(made)["status"] == "expired"
    assert at_stripe.tell(made) == ["duplicate"]
    assert anybody.register(event)["status"] == "PENDING"


def older_session(at_stripe: AtStripe, made: Made) -> Made:
    """A newer session than the one it was made with; the older one was taken for dead.

    It is alive at Stripe, and somebody has it open in a tab.
    """
    CheckoutSession.objects.filter(registration=made["id"]).update(status="failed")
    return {**made, "checkout_url": async_to_sync(checkout.open_checkout)(made["id"])}


def test_an_older_session_that_is_paid_after_all_confirms_and_the_newer_one_is_ended(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    older = anybody.register(organiser.open_event())
    newer = older_session(at_stripe, older)
    at_stripe.pay(older)
    at_stripe.tell(older)
    assert (status(older), places(older)) == ("PAID", (1, 0))
    assert "end_session" in work("money")
    assert at_stripe.session(newer)["status"] == "expired"
    assert at_stripe.tell(older) == ["ignored"]
    assert CheckoutSession.objects.get(attempt=2).status == "expired"
    assert (status(older), mails(older)) == ("PAID", ["confirmed"])


def test_an_older_session_that_expires_frees_nothing_while_a_newer_one_is_open(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    older = anybody.register(organiser.open_event())
    older_session(at_stripe, older)
    at_stripe.expire(older)
    assert at_stripe.tell(older) == ["ignored"]
    assert (status(older), places(older)) == ("PENDING", (0, 1))


def test_paid_through_two_sessions_the_second_payment_goes_back_and_the_ticket_stays(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    older = anybody.register(organiser.open_event())
    newer = older_session(at_stripe, older)
    at_stripe.pay(older)
    at_stripe.pay(newer)
    at_stripe.tell(older)
    work("money")
    at_stripe.tell(older)
    assert (status(older), places(older), mails(older)) == ("PAID", (1, 0), ["confirmed"])
    assert at_stripe.charge(older)["amount_refunded"] == 0
    assert at_stripe.charge(newer)["amount_refunded"] == 1250
    assert Registration.objects.get().amount_refunded == 0


# Delayed methods, and sessions that ask for nothing

GOOD_IBAN, BAD_IBAN = "AT611904300234573201", "AT861904300235473202"


def test_completed_while_still_unpaid_is_not_taken_as_paid(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made, iban=GOOD_IBAN)
    at_stripe.tell(made)
    assert (status(made), places(made), mails(made)) == ("PROCESSING", (0, 1), [])
    # The hold of places has no end now: the bank takes days.
    Registration.objects.update(hold_expires_at=timezone.now() - timedelta(days=3))
    async_to_sync(tasks.sweep_lapsed_holds.func)(0)
    assert (status(made), places(made)) == ("PROCESSING", (0, 1))
    at_stripe.settle(made)
    at_stripe.tell(made)
    assert (status(made), places(made), mails(made)) == ("PAID", (1, 0), ["confirmed"])


def test_a_direct_debit_that_fails_frees_the_places_and_tells(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made, iban=BAD_IBAN)
    at_stripe.tell(made)
    assert status(made) == "PROCESSING"
    at_stripe.settle(made)
    at_stripe.tell(made)
    assert (status(made), places(made), mails(made)) == ("FAILED", (0, 0), ["payment_failed"])


def test_a_session_that_asked_for_nothing_confirms_nothing_that_costs(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """A coupon of 100 % that we never offered."""
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    completed = at_stripe.event(made, "checkout.session.completed")
    free = {"payment_status": "no_payment_required", "payment_intent": None, "amount_total": 0}
    assert deliver(changed(completed, "evt_free", **free)) == ["rejected"]
    assert (status(made), review(made), mails(made)) == (
        "PENDING",
        "amount_mismatch",
        ["organiser_review"],
    )


# What must not be applied, and what is not ours


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"amount_total": 1249}, "amount_mismatch"),
        ({"amount_total": 1251}, "amount_mismatch"),
        ({"currency": "usd"}, "amount_mismatch"),
    ],
)
def test_a_payment_of_another_amount_or_currency_confirms_nothing_and_is_flagged(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe, said: dict[str, Any], reason: str
) -> None:
    """A promotion code, adaptive pricing, a tax, a price that was changed meanwhile."""
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    completed = at_stripe.event(made, "checkout.session.completed")
    assert deliver(changed(completed, "evt_other", **said)) == ["rejected"]
    assert (status(made), review(made), places(made)) == ("PENDING", reason, (0, 1))
    assert mails(made) == ["organiser_review"]
    assert Payment.objects.get().settles is False


def test_a_live_event_for_a_test_key_confirms_nothing_and_is_flagged(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    live = at_stripe.event(made, "checkout.session.completed") | {"livemode": True}
    assert deliver(live) == ["rejected"]
    assert (status(made), review(made), mails(made)) == (
        "PENDING",
        "wrong_mode",
        ["organiser_review"],
    )
    assert not Payment.objects.exists()


FOREIGN: dict[str, dict[str, Any]] = {
    "nothing that names anybody": {"metadata": {}, "client_reference_id": None},
    "a reference of its own": {"metadata": {}, "client_reference_id": "basket-42"},
}


@pytest.mark.parametrize("whose", FOREIGN)
def test_another_applications_event_is_kept_as_unmatched_and_not_tried_again(
    at_stripe: AtStripe, organiser: Caller, anybody: Caller, whose: str
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    completed = at_stripe.event(made, "checkout.session.completed")
    foreign = {"id": "cs_of_another", "payment_intent": "pi_of_another", **FOREIGN[whose]}
    assert deliver(changed(completed, "evt_foreign", **foreign)) == ["unmatched"]
    stored = StripeEvent.objects.get()
    assert (stored.reason, stored.next_try_at) == ("no_registration_id", None)
    assert work("webhooks") == []
    assert status(made) == "PENDING"


def too_early(at_stripe: AtStripe, made: Made, names: str) -> Happening:
    completed = at_stripe.event(made, "checkout.session.completed")
    unknown = {"id": "cs_x", "client_reference_id": names, "metadata": {"registrationId": names}}
    return changed(completed, "evt_early", **unknown)


def test_an_event_with_our_tag_but_an_unknown_registration_is_tried_again_and_given_up_at_last(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    assert deliver(too_early(at_stripe, made, "reg-nobody-knows")) == ["unmatched"]
    assert StripeEvent.objects.get().reason == "unknown_registration"
    waits = []
    with structlog.testing.capture_logs() as log:
        while StripeEvent.objects.filter(next_try_at__isnull=False).update(
            next_try_at=timezone.now()
        ):
            before = timezone.now()
            async_to_sync(sweep_inbox.func)(0)
            if due := StripeEvent.objects.get().next_try_at:
                waits.append((due - before) // timedelta(minutes=1))
    assert waits == sorted(waits) == list(DELAYS)
    given_up = "❌ Stripe event given up, a person has to look"
    assert [line["event"] for line in log].count(given_up) == 1
    async_to_sync(sweep_inbox.func)(0)
    stored = StripeEvent.objects.get()
    assert (stored.outcome, stored.attempts) == ("unmatched", len(DELAYS) + 2)


def test_an_event_that_came_before_its_registration_is_applied_once_that_is_there(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """As after a backup was put back, or while two databases are being merged."""
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    deliver(too_early(at_stripe, made, "reg-of-the-backup"))
    known = Registration.objects.get()
    Registration.objects.create(
        id="reg-of-the-backup",
        event=known.event,
        contact_name="P",
        contact_email="p@example.org",
        locale="fr",
        places=1,
        amount=1250,
        currency="eur",
        hold_expires_at=timezone.now() + timedelta(hours=1),
    )
    Event.objects.update(held=2)
    assert work("webhooks") == ["retry"]
    stored = StripeEvent.objects.get()
    assert (stored.outcome, stored.next_try_at) == ("applied", None)
    assert Registration.objects.get(pk="reg-of-the-backup").status == "PAID"


# Whom to believe


def test_what_cannot_be_verified_is_never_answered_2xx_nor_kept(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    body = json.dumps(at_stripe.event(made, "checkout.session.completed"))

    async def story() -> list[int]:
        async with lane() as client:
            forged = await post(client, body, "whsec_of_somebody_else")
            unsigned = await client.post("/stripe/webhooks", content=body)
            return [forged, unsigned.status_code]

    assert asyncio.run(story()) == [400, 400]
    assert not StripeEvent.objects.exists()
    assert status(made) == "PENDING"


def test_a_body_that_was_read_and_written_again_on_its_way_is_refused(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """The signature is over Stripe's bytes, not over what they mean."""
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    event = at_stripe.event(made, "checkout.session.completed")
    as_sent, rewritten = json.dumps(event, indent=2), json.dumps(event)
    header = {"stripe-signature": WebhookSignature.generate_signature_header(as_sent, SECRET)}

    async def story() -> list[int]:
        async with lane() as client:
            return [
                (await client.post("/stripe/webhooks", content=body, headers=header)).status_code
                for body in (rewritten, as_sent)
            ]

    assert asyncio.run(story()) == [400, 200]
    assert status(made) == "PAID"


def test_while_secrets_rotate_and_a_developer_listens_each_known_secret_is_accepted(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """The endpoint's old and new secret, and that of ``stripe listen``; not an unknown one."""
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    event = at_stripe.event(made, "checkout.session.completed")
    known = ("whsec_old", "whsec_new", "whsec_of_the_cli")

    async def story() -> list[int]:
        async with lane(*known) as client:
            return [
                await post(client, json.dumps(event | {"id": f"evt_{secret}"}), secret)
                for secret in (*known, "whsec_unknown")
            ]

    assert asyncio.run(story()) == [200, 200, 200, 400]
    assert StripeEvent.objects.values("secret").distinct().count() == 3
    assert (status(made), mails(made)) == ("PAID", ["confirmed"])


@pytest.mark.parametrize("version", ["2019-05-16", "2031-01-01.onion", None])
def test_an_event_of_another_api_version_confirms_by_the_fields_both_know(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe, version: str | None
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    event = at_stripe.event(made, "checkout.session.completed")
    session = event["data"]["object"]
    known = {
        "id", "object", "metadata", "payment_intent", "payment_status", "amount_total", "currency"
    }  # fmt: skip
    event["data"]["object"] = {key: session[key] for key in known} | {"brand_new": [{"a": None}]}
    assert deliver(event | {"api_version": version}) == ["applied"]
    assert status(made) == "PAID"


def test_the_success_page_proves_nothing(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """Its address may be typed by anybody, even with the number of somebody else's paid session."""
    event = organiser.open_event()
    paid, unpaid = anybody.register(event), anybody.register(event)
    at_stripe.pay(paid)
    session = at_stripe.session(paid)["id"]
    page = f"/registrations/{unpaid['id']}?token={unpaid['token']}&session_id={session}"
    assert Client().get(page).status_code == 200
    assert (status(unpaid), mails(unpaid)) == ("PENDING", [])
    assert (status(paid), review(paid)) == ("PENDING", None)
