"""Money that goes back, by us or in Stripe's Dashboard or through a bank, told in any order.

Each test is a line of docs/reference/failure-scenarios.md.
"""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from inscrit.events.models import Event
from inscrit.payments import refunding, stripe_gateway
from inscrit.payments.models import Dispute, Payment, Refund
from inscrit.payments.tasks import send_refund
from inscrit.registrations.models import Registration
from inscrit.webhooks.models import StripeEvent
from inscrit.webhooks.tasks import sweep_inbox

from .account import Made
from .at_stripe import (
    AtStripe,
    changed,
    deliver,
    forget_jobs,
    mails,
    places,
    review,
    status,
    work,
)
from .conftest import Caller, content
from .test_failure_scenarios import older_session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]

PENDING_REFUNDS, FAILING_REFUNDS = "4000000000007726", "4000000000005126"
"""Cards whose refunds are pending before they succeed, and succeed before they fail."""


def refunded(made: Made) -> int:
    """What the registration says of the money that went back."""
    return Registration.objects.get(pk=made["id"]).amount_refunded


@pytest.fixture
def paid(organiser: Caller, anybody: Caller, at_stripe: AtStripe) -> Made:
    """Two places at 12.50 €, paid with a good card and confirmed."""
    return bought(organiser, anybody, at_stripe)


def bought(
    organiser: Caller,
    anybody: Caller,
    at_stripe: AtStripe,
    card: str = "4242424242424242",
    **event: Any,
) -> Made:
    """An event of two places, both taken and paid."""
    made = anybody.register(organiser.open_event(capacity=2, **event), participants=2)
    at_stripe.pay(made, card=card)
    at_stripe.tell(made)
    assert (status(made), places(made)) == ("PAID", (2, 0))
    return made


# In the Dashboard


def test_a_refund_in_the_dashboard_frees_the_places_and_tells(
    paid: Made, at_stripe: AtStripe
) -> None:
    at_stripe.refund(paid)
    assert at_stripe.tell(paid, "refund.created") == ["applied"]
    assert (status(paid), places(paid), refunded(paid)) == ("REFUNDED", (0, 0), 2500)
    at_stripe.tell(paid)
    assert mails(paid) == ["confirmed", "refunded"]
    assert Refund.objects.get().reason == "outside"


def test_a_refund_told_only_by_its_charge_is_counted_as_well(
    paid: Made, at_stripe: AtStripe
) -> None:
    """An endpoint that was made before refund.created did not ask for it."""
    at_stripe.refund(paid, 500)
    at_stripe.refund(paid, 700)
    deliver(at_stripe.event(paid, "charge.refunded"))
    assert (status(paid), places(paid), refunded(paid)) == ("PAID", (2, 0), 1200)


@pytest.mark.parametrize("backwards", [False, True])
def test_several_partial_refunds_add_up_and_the_last_one_frees_the_places(
    paid: Made, at_stripe: AtStripe, backwards: bool
) -> None:
    for amount in (500, 700):
        at_stripe.refund(paid, amount)
    told = [one for one in at_stripe.events(paid) if one["id"] not in at_stripe.told]
    deliver(*(reversed(told) if backwards else told))
    assert (status(paid), places(paid), refunded(paid)) == ("PAID", (2, 0), 1200)
    at_stripe.refund(paid)
    at_stripe.tell(paid)
    assert (status(paid), places(paid), refunded(paid)) == ("REFUNDED", (0, 0), 2500)


def test_a_refund_that_is_pending_counts_and_is_one_refund_when_it_has_succeeded(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = bought(organiser, anybody, at_stripe, card=PENDING_REFUNDS)
    at_stripe.refund(made, 500)
    at_stripe.tell(made)
    assert (Refund.objects.get().status, refunded(made)) == ("pending", 500)
    at_stripe.advance(timedelta(seconds=4))
    at_stripe.tell(made)
    assert (Refund.objects.get().status, refunded(made)) == ("succeeded", 500)
    assert status(made) == "PAID"


# Ours


def test_a_refund_we_ordered_is_known_again_though_stripe_tells_before_it_answers(
    paid: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    organiser.post(f"/registrations/{paid['id']}/refund", {"amount": 500})
    order = Refund.objects.select_related("payment").get()
    ask = async_to_sync(stripe_gateway.create_refund)
    made = ask(order.payment_id, 500, number=order.pk, idempotency_key=order.idempotency_key)
    at_stripe.tell(paid)
    known = Refund.objects.get()
    assert (known.pk, known.status, known.stripe_id) == (order.pk, "succeeded", made.id)
    async_to_sync(refunding.send)(order)  # only now the answer is taken in
    assert Refund.objects.count() == len(at_stripe.refunds(paid)) == 1
    assert (refunded(paid), mails(paid)) == (500, ["confirmed", "refunded"])


def test_a_refund_whose_answer_was_lost_is_asked_for_again_and_made_once(
    paid: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    organiser.post(f"/registrations/{paid['id']}/refund")
    at_stripe.break_down(kind="error", path="/v1/refunds", after=True, remaining=3)
    with pytest.raises(Exception, match="APIError"):
        work("money")
    assert Refund.objects.get().status == "ordered"
    async_to_sync(send_refund.func)(Refund.objects.get().pk)
    assert len(at_stripe.refunds(paid)) == 1
    assert (status(paid), refunded(paid)) == ("REFUNDED", 2500)


def test_while_stripe_has_too_many_requests_a_refund_waits_and_is_made_once(
    paid: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    organiser.post(f"/registrations/{paid['id']}/refund")
    at_stripe.break_down(kind="rate_limit", path="/v1/refunds", remaining=10)
    with pytest.raises(Exception, match="RateLimitError"):
        work("money")
    at_stripe.mend()
    assert (status(paid), at_stripe.refunds(paid)) == ("PAID", [])
    async_to_sync(send_refund.func)(Refund.objects.get().pk)
    assert (status(paid), len(at_stripe.refunds(paid))) == ("REFUNDED", 1)


def test_a_refund_by_us_and_one_in_the_dashboard_are_two_and_never_more_than_was_paid(
    paid: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    """A secretary orders everything back; a colleague has just done so in the Dashboard."""
    organiser.post(f"/registrations/{paid['id']}/refund")
    at_stripe.refund(paid)
    work("money")
    at_stripe.tell(paid)
    assert (status(paid), refunded(paid), review(paid)) == ("REFUNDED", 2500, None)
    assert at_stripe.charge(paid)["amount_refunded"] == 2500
    assert mails(paid) == ["confirmed", "refunded"]


# Failed


@pytest.mark.parametrize("by", ["us", "the Dashboard"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_refund_that_fails_after_it_succeeded_seats_again_while_places_are_free(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe, by: str, backwards: bool
) -> None:
    made = bought(organiser, anybody, at_stripe, card=FAILING_REFUNDS)
    if by == "us":
        organiser.post(f"/registrations/{made['id']}/refund")
        work("money")
    else:
        at_stripe.refund(made)
        if not backwards:
            at_stripe.tell(made)
    if not backwards:
        assert (status(made), places(made)) == ("REFUNDED", (0, 0))
    at_stripe.advance(timedelta(seconds=4))
    told = [one for one in at_stripe.events(made) if one["id"] not in at_stripe.told]
    deliver(*(reversed(told) if backwards else told))
    assert (status(made), places(made), refunded(made)) == ("PAID", (2, 0), 0)
    assert review(made) == "refund_failed"
    assert "organiser_review" in mails(made)
    assert Refund.objects.get().status == "failed"


def test_a_refund_that_fails_when_its_places_went_to_others_leaves_it_to_a_person(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = bought(organiser, anybody, at_stripe, card=FAILING_REFUNDS)
    at_stripe.refund(made)
    at_stripe.tell(made)
    event = {"id": Event.objects.get().pk}
    other = anybody.register(event)
    at_stripe.advance(timedelta(seconds=4))
    at_stripe.tell(made)
    assert (status(made), review(made), places(made)) == ("CANCELLED", "refund_failed", (0, 1))
    assert status(other) == "PENDING"
    assert "organiser_review" in mails(made)
    # The money is ours, nobody has a place for it: a person gives it back by other means.
    problem = content(
        organiser.post(f"/registrations/{made['id']}/review", {"resolution": "accept"}), 409
    )
    assert problem["code"] == "no_place_left"


# Two payments


@pytest.fixture
def paid_twice(organiser: Caller, anybody: Caller, at_stripe: AtStripe) -> tuple[Made, Made]:
    """A registration with two good payments: the second one's refund failed."""
    first = anybody.register(organiser.open_event(capacity=2), participants=2)
    second = older_session(at_stripe, first)
    at_stripe.pay(first)
    at_stripe.pay(second, card=FAILING_REFUNDS)
    at_stripe.tell(first)
    work("money")
    at_stripe.advance(timedelta(seconds=4))
    at_stripe.tell(first)
    assert (status(first), review(first)) == ("PAID", "refund_failed")
    assert Payment.objects.filter(status="succeeded", refunded=0).count() == 2
    return first, second


def test_the_wrong_one_of_two_payments_given_back_leaves_the_ticket(
    paid_twice: tuple[Made, Made], at_stripe: AtStripe
) -> None:
    first, second = paid_twice
    at_stripe.refund(first)
    at_stripe.tell(first)
    assert (status(first), places(first), refunded(first)) == ("PAID", (2, 0), 0)
    assert Payment.objects.get(settles=True).key == at_stripe.session(second)["payment_intent"]


def test_the_right_one_of_two_payments_given_back_leaves_the_ticket(
    paid_twice: tuple[Made, Made], organiser: Caller, at_stripe: AtStripe
) -> None:
    first, second = paid_twice
    decision = {"resolution": "refund"}
    organiser.post(f"/registrations/{first['id']}/review", decision)
    assert (
        Refund.objects.filter(status="ordered").get().payment_id
        == (at_stripe.session(second)["payment_intent"])
    )
    work("money")
    at_stripe.tell(first)
    assert (status(first), places(first), refunded(first)) == ("PAID", (2, 0), 0)
    assert review(first) is None


def test_both_of_two_payments_given_back_leave_no_ticket(
    paid_twice: tuple[Made, Made], at_stripe: AtStripe
) -> None:
    first, second = paid_twice
    at_stripe.refund(first)
    at_stripe.refund(second)
    at_stripe.tell(first)
    assert (status(first), places(first), refunded(first)) == ("REFUNDED", (0, 0), 2500)


# Before the payment is told


def test_a_refund_told_before_its_payment_waits_for_it_and_leaves_no_ticket(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """A refund from the Dashboard names no registration: it is known by its payment."""
    made = anybody.register(organiser.open_event(), participants=2)
    at_stripe.pay(made)
    at_stripe.refund(made)
    assert at_stripe.tell(made, "refund.created") == ["unmatched"]
    early = StripeEvent.objects.get()
    assert early.reason == "unknown_payment"
    assert early.payment_key == at_stripe.session(made)["payment_intent"]
    forget_jobs()  # it is the payment that wakes it, not its own next try
    assert at_stripe.tell(made, "checkout.session.completed") == ["applied"]
    assert work("webhooks") == ["retry"]
    early.refresh_from_db()
    assert (early.outcome, early.next_try_at) == ("applied", None)
    assert (status(made), places(made), refunded(made)) == ("REFUNDED", (0, 0), 2500)


def test_a_charge_refunded_told_before_its_payment_leaves_no_ticket(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    """The charge names the registration, so there is nothing to wait for."""
    made = anybody.register(organiser.open_event(), participants=2)
    at_stripe.pay(made)
    at_stripe.refund(made)
    at_stripe.tell(made, "charge.refunded", "checkout.session.completed")
    assert (status(made), places(made), refunded(made)) == ("REFUNDED", (0, 0), 2500)
    assert mails(made) == ["refunded"]


def test_a_dispute_told_before_its_payment_waits_for_it(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event(), participants=2)
    at_stripe.pay(made)
    at_stripe.dispute(made)
    assert at_stripe.tell(made, "charge.dispute.created") == ["unmatched"]
    forget_jobs()
    at_stripe.tell(made, "checkout.session.completed")
    assert (status(made), review(made)) == ("PAID", None)
    work("webhooks")
    assert (status(made), review(made)) == ("PAID", "dispute_opened")


def test_a_dispute_in_the_same_batch_as_its_payment_is_applied_soon(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = anybody.register(organiser.open_event())
    at_stripe.pay(made)
    at_stripe.dispute(made)
    disputed = at_stripe.event(made, "charge.dispute.created")
    deliver(disputed, at_stripe.event(made, "checkout.session.completed"), at_once=True)
    work("webhooks")
    assert (status(made), review(made)) == ("PAID", "dispute_opened")


def test_another_applications_refund_is_tried_for_some_days_and_then_let_be(
    paid: Made, at_stripe: AtStripe
) -> None:
    """It may have been ours; that it never was is nothing a person has to look at."""
    at_stripe.refund(paid)
    refund = at_stripe.event(paid, "refund.created")
    assert deliver(changed(refund, "evt_x", id="re_x", payment_intent="pi_x")) == ["unmatched"]
    while StripeEvent.objects.filter(next_try_at__isnull=False).update(next_try_at=timezone.now()):
        async_to_sync(sweep_inbox.func)(0)
    assert StripeEvent.objects.get(pk="evt_x").outcome == "unmatched"
    assert "organiser_review" not in mails(paid)
    assert status(paid) == "PAID"


# Disputes


def test_an_inquiry_is_no_chargeback_and_is_over_when_it_is_closed(
    paid: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    inquiry = at_stripe.dispute(paid, inquiry=True)
    at_stripe.tell(paid)
    assert (status(paid), places(paid), refunded(paid)) == ("PAID", (2, 0), 0)
    assert review(paid) == "dispute_inquiry"
    assert mails(paid) == ["confirmed", "organiser_review"]
    # No money moved, so some of it can be given back.
    content(organiser.post(f"/registrations/{paid['id']}/refund", {"amount": 500}))
    work("money")
    at_stripe.control(f"/disputes/{inquiry}/win")
    at_stripe.tell(paid)
    assert Dispute.objects.get().status == "warning_closed"
    assert (status(paid), review(paid), refunded(paid)) == ("PAID", None, 500)


def test_while_the_bank_has_the_money_we_do_not_give_it_back_as_well(
    paid: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    at_stripe.dispute(paid)
    at_stripe.tell(paid)
    assert (status(paid), places(paid), review(paid)) == ("PAID", (2, 0), "dispute_opened")
    assert mails(paid) == ["confirmed", "organiser_review"]
    problem = content(organiser.post(f"/registrations/{paid['id']}/refund"), 409)
    assert problem["code"] == "nothing_to_refund"
    assert content(organiser.post(f"/registrations/{paid['id']}/cancel"))["status"] == "CANCELLED"
    assert not Refund.objects.exists()


def test_a_dispute_that_is_won_leaves_everything_as_it_was(paid: Made, at_stripe: AtStripe) -> None:
    dispute = at_stripe.dispute(paid)
    at_stripe.control(f"/disputes/{dispute}/win")
    at_stripe.tell(paid)
    assert (status(paid), places(paid), refunded(paid)) == ("PAID", (2, 0), 0)
    assert review(paid) is None
    assert Dispute.objects.get().status == "won"


def test_a_dispute_that_is_lost_frees_the_places_and_tells_both(
    paid: Made, at_stripe: AtStripe
) -> None:
    dispute = at_stripe.dispute(paid)
    at_stripe.control(f"/disputes/{dispute}/lose")
    at_stripe.tell(paid)
    assert (status(paid), places(paid), refunded(paid)) == ("REFUNDED", (0, 0), 2500)
    assert mails(paid) == ["confirmed", "organiser_review", "refunded", "organiser_review"]


def test_a_dispute_that_is_lost_keeps_the_places_for_a_person_if_the_event_says_so(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    made = bought(organiser, anybody, at_stripe, lost_dispute="review")
    dispute = at_stripe.dispute(made)
    at_stripe.control(f"/disputes/{dispute}/lose")
    at_stripe.tell(made)
    assert (status(made), places(made), refunded(made)) == ("PAID", (2, 0), 2500)
    assert review(made) == "dispute_lost"
    content(organiser.post(f"/registrations/{made['id']}/cancel"))
    assert (status(made), places(made)) == ("CANCELLED", (0, 0))


@pytest.mark.parametrize("room", [True, False])
def test_a_lost_dispute_that_is_won_on_appeal_seats_again_or_is_left_to_a_person(
    paid: Made, anybody: Caller, at_stripe: AtStripe, room: bool
) -> None:
    dispute = at_stripe.dispute(paid)
    at_stripe.control(f"/disputes/{dispute}/lose")
    at_stripe.tell(paid)
    assert (status(paid), places(paid)) == ("REFUNDED", (0, 0))
    if not room:
        anybody.register({"id": Event.objects.get().pk})
    closed = at_stripe.event(paid, "charge.dispute.closed")
    assert deliver(changed(closed, "evt_appeal", status="won")) == ["applied"]
    if room:
        assert (status(paid), places(paid), refunded(paid)) == ("PAID", (2, 0), 0)
    else:
        assert (status(paid), places(paid), review(paid)) == ("CANCELLED", (0, 1), "dispute_won")


def test_the_end_of_a_dispute_told_before_its_beginning_stays_the_end(
    paid: Made, at_stripe: AtStripe
) -> None:
    dispute = at_stripe.dispute(paid)
    at_stripe.control(f"/disputes/{dispute}/lose")
    told = [one for one in at_stripe.events(paid) if one["id"] not in at_stripe.told]
    deliver(*reversed(told))
    assert Dispute.objects.get().status == "lost"
    assert (status(paid), places(paid), review(paid)) == ("REFUNDED", (0, 0), None)


# A person decides


@pytest.fixture
def wrongly_paid(organiser: Caller, anybody: Caller, at_stripe: AtStripe) -> Made:
    """The buyer paid 10.00 € where 12.50 € was asked."""
    made = anybody.register(organiser.open_event(capacity=1))
    at_stripe.pay(made)
    completed = at_stripe.event(made, "checkout.session.completed")
    deliver(changed(completed, "evt_less", amount_total=1000))
    assert (status(made), review(made)) == ("PENDING", "amount_mismatch")
    return made


@pytest.mark.parametrize(
    ("resolution", "ends", "seats"),
    [
        ("accept", "PAID", (1, 0)),
        ("refund", "PENDING", (0, 1)),
        ("ignore", "PENDING", (0, 1)),
    ],
)
def test_what_a_person_decided_on_a_payment_stands_when_stripe_tells_of_it_again(
    wrongly_paid: Made,
    organiser: Caller,
    at_stripe: AtStripe,
    resolution: str,
    ends: str,
    seats: tuple[int, int],
) -> None:
    path = f"/registrations/{wrongly_paid['id']}/review"
    found = content(organiser.post(path, {"resolution": resolution}))
    assert (found["status"], found["review"]) == (ends, None)
    assert found["timeline"][-1]["actor"] == "api:a organiser"
    completed = at_stripe.event(wrongly_paid, "checkout.session.completed")
    succeeded = at_stripe.event(wrongly_paid, "payment_intent.succeeded")
    again = [
        changed(completed, "evt_again", amount_total=1000),
        changed(succeeded, "evt_too", amount_received=1000),
    ]
    before = mails(wrongly_paid)
    assert deliver(*again) == ["duplicate", "duplicate"]
    assert (status(wrongly_paid), review(wrongly_paid)) == (ends, None)
    assert places(wrongly_paid) == seats
    assert mails(wrongly_paid) == before
    assert Refund.objects.exists() is (resolution == "refund")
    assert content(organiser.post(path, {"resolution": "ignore"}), 409)["code"] == (
        "nothing_to_review"
    )


@pytest.mark.parametrize("resolution", ["accept", "refund", "ignore"])
def test_money_left_after_a_cancellation_is_decided_on_by_a_person(
    paid: Made, organiser: Caller, anybody: Caller, at_stripe: AtStripe, resolution: str
) -> None:
    cancelled = anybody.post(f"/registrations/{paid['id']}/cancel?token={paid['token']}")
    assert content(cancelled)["review"] == "cancelled_without_refund"
    assert (status(paid), places(paid)) == ("CANCELLED", (0, 0))
    path = f"/registrations/{paid['id']}/review"
    content(organiser.post(path, {"resolution": resolution}))
    work("money")
    at_stripe_says = at_stripe.charge(paid)["amount_refunded"]
    expected = {
        "accept": ("PAID", (2, 0), 0),
        "refund": ("REFUNDED", (0, 0), 2500),
        "ignore": ("CANCELLED", (0, 0), 0),
    }
    assert (status(paid), places(paid), at_stripe_says) == expected[resolution]
    assert review(paid) is None
    assert mails(paid).count("confirmed") == 1
