"""Giving a registration up, perhaps while somebody is paying for it.

A registration of two places at 25.00 € each; its Checkout session ``cs_1`` is open.
"""

import pytest
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutExpired,
    CheckoutUnavailable,
    Fact,
    LatePayment,
    MailKind,
    MarkedPaid,
    Outcome,
    PaymentMethod,
    Reason,
    Resolution,
    Status,
    decide,
)

from .test_lifecycle import (
    DELAYED_FAILED,
    EXPIRED_FACT,
    OFFER,
    PAID_FACT,
    PENDING,
    SUCCEEDED,
    UNDER_WAY,
    completed,
)
from .test_refunds_and_disputes import SUCCEEDED as RETURNED
from .test_refunds_and_disputes import refund
from .told import told

BACK = CancelRequested(refund=True)
"""Cancel, with the money back."""
KEPT = CancelRequested(refund=False)
"""Cancel; what was paid is not given back by itself."""


@pytest.mark.parametrize("wish", [BACK, KEPT])
@pytest.mark.parametrize("paying", [{"open_session": "cs_1"}, {"open_session": None,
                                                               "opening": True}])  # fmt: skip
def test_while_it_can_be_paid_it_keeps_its_places_and_its_session_is_ended_first(
    wish: CancelRequested, paying: dict[str, object]
) -> None:
    story = told(wish, start=replace(PENDING, **paying))
    assert story.registration.status is Status.PENDING
    assert story.registration.cancelling is not None
    assert story.last.ends_session
    assert story.offer.held == 2
    assert story.mails == []


@pytest.mark.parametrize("wish", [BACK, KEPT])
@pytest.mark.parametrize("end", [EXPIRED_FACT, CheckoutUnavailable()])
def test_stripes_own_end_of_the_session_carries_the_cancellation_out(
    wish: CancelRequested, end: Fact
) -> None:
    story = told(wish, end)
    assert story.registration.status is Status.CANCELLED
    assert story.registration.cancelling is None
    assert story.last.reason is Reason.CANCELLED_BY_REQUEST
    assert story.offer.held == 0
    assert story.mails == [MailKind.CANCELLED]


@pytest.mark.parametrize("paid", [PAID_FACT, SUCCEEDED])
def test_who_pays_meanwhile_gets_the_money_back_if_that_was_the_wish(paid: Fact) -> None:
    story = told(BACK, paid)
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 5000)]
    assert story.offer.held == 0
    assert story.offer.confirmed == 3
    assert story.mails == [MailKind.CANCELLED]


@pytest.mark.parametrize("paid", [PAID_FACT, SUCCEEDED])
def test_who_pays_meanwhile_keeps_the_place_if_the_money_would_not_come_back(paid: Fact) -> None:
    story = told(KEPT, paid)
    assert story.registration.status is Status.PAID
    assert story.registration.cancelling is None
    assert not story.ordered
    assert story.mails == [MailKind.CONFIRMED]


def test_a_delayed_payment_begun_meanwhile_is_cancelled_and_goes_back_when_it_comes() -> None:
    story = told(BACK, UNDER_WAY)
    assert story.registration.status is Status.CANCELLED
    assert story.offer.held == 0
    story = story.tell(PAID_FACT)
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 5000)]


def test_a_delayed_payment_begun_meanwhile_holds_the_place_if_money_would_not_come_back() -> None:
    story = told(KEPT, UNDER_WAY)
    assert story.registration.status is Status.PROCESSING
    assert story.registration.cancelling is None


@pytest.mark.parametrize("wish", [BACK, KEPT])
def test_a_delayed_payment_under_way_when_it_is_cancelled_comes_to_nothing(
    wish: CancelRequested,
) -> None:
    story = told(UNDER_WAY, wish)
    assert story.registration.status is Status.CANCELLED
    assert story.offer.held == 0
    failed = told(UNDER_WAY, wish, DELAYED_FAILED)
    assert failed.registration.status is Status.CANCELLED
    assert failed.mails == [MailKind.CANCELLED]
    succeeded = told(UNDER_WAY, wish, PAID_FACT)
    assert succeeded.registration.status is Status.CANCELLED
    assert succeeded.ordered == [("pi_1", 5000)]


@pytest.mark.parametrize("policy", LatePayment)
def test_money_that_comes_after_the_cancellation_goes_back_whatever_the_event_does_when_late(
    policy: LatePayment,
) -> None:
    story = told(BACK, EXPIRED_FACT, PAID_FACT, offer=replace(OFFER, late_payment=policy))
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 5000)]
    assert story.registration.review is None


def test_cancelling_twice_ends_the_session_again_and_asks_no_more() -> None:
    """The second wish may come from somebody who saw that nothing had happened yet."""
    story = told(BACK, BACK)
    assert story.last.outcome is Outcome.DUPLICATE
    assert story.last.ends_session
    assert story.tell(EXPIRED_FACT, BACK).mails == [MailKind.CANCELLED]


def test_the_organisers_wish_to_give_the_money_back_comes_before_the_registrants() -> None:
    """The registrant gave up without a claim; then the event is cancelled; then the money comes."""
    story = told(KEPT, BACK)
    assert story.registration.cancelling is Resolution.REFUND
    story = story.tell(PAID_FACT)
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 5000)]


def test_a_claim_to_the_money_is_not_lost_by_cancelling_again_without_one() -> None:
    story = told(BACK, KEPT, PAID_FACT)
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 5000)]


def test_a_wrong_amount_paid_meanwhile_goes_back_with_the_cancellation() -> None:
    story = told(BACK, completed(amount=4000))
    assert story.registration.status is Status.PENDING
    assert story.registration.review == Reason.AMOUNT_MISMATCH
    story = story.tell(CheckoutExpired(None))
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 4000)]
    assert story.registration.review is None
    assert story.registration.kept_payments == ()


def test_a_cancelled_event_is_given_as_the_reason() -> None:
    story = told(BACK, EXPIRED_FACT, offer=replace(OFFER, cancelled=True))
    assert story.last.reason is Reason.EVENT_CANCELLED


def test_what_is_left_of_a_payment_goes_back() -> None:
    story = told(PAID_FACT, refund(RETURNED, 2000), BACK)
    assert story.ordered == [("pi_1", 3000)]
    story = story.tell(refund(RETURNED, 3000, id="re_2", number=1))
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.FAILED, Status.REFUNDED])
def test_what_has_no_places_any_more_is_not_cancelled(status: Status) -> None:
    story = told(BACK, start=replace(PENDING, status=status, open_session=None))
    assert story.last.outcome is Outcome.IGNORED
    assert story.registration.status is status


def test_what_was_to_be_paid_by_hand_and_came_through_stripe_goes_back_through_stripe() -> None:
    by_cheque = replace(PENDING, method=PaymentMethod.CHEQUE, open_session=None)
    story = told(SUCCEEDED, BACK, start=by_cheque)
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 5000)]
    assert story.registration.review is None


def test_what_was_paid_by_hand_is_left_to_a_person() -> None:
    by_cheque = replace(PENDING, method=PaymentMethod.CHEQUE, open_session=None)
    story = told(MarkedPaid(), BACK, start=by_cheque)
    assert story.ordered == []
    assert story.registration.review == Reason.CANCELLED_WITHOUT_REFUND


def test_whoever_paid_by_hand_is_cancelled_with_the_event_too() -> None:
    by_cheque = replace(PENDING, method=PaymentMethod.CHEQUE, open_session=None)
    gone = replace(OFFER, cancelled=True)
    story = told(MarkedPaid(), start=by_cheque)
    decision = decide(story.registration, gone, BACK)
    assert decision.reason is Reason.EVENT_CANCELLED
    assert decision.registration.review == Reason.CANCELLED_WITHOUT_REFUND
