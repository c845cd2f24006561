"""The rules, one by one. A registration of two places at 25.00 € each, at an event of ten."""

import pytest
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    CancelRequested,
    ChargeRefunded,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutUnavailable,
    Decision,
    DelayedPaymentFailed,
    Fact,
    LatePayment,
    MailKind,
    MarkedPaid,
    Offer,
    Outcome,
    PaymentAttemptFailed,
    PaymentMethod,
    PaymentSucceeded,
    Reason,
    RefundChanged,
    RefundRequested,
    RefundStatus,
    Registration,
    Status,
    decide,
)

PENDING = Registration(
    id="reg-1",
    event_id="ev-1",
    status=Status.PENDING,
    method=PaymentMethod.STRIPE,
    amount=5000,
    currency="eur",
    places=2,
    open_session="cs_1",
)
OFFER = Offer("ev-1", capacity=10, confirmed=3, held=2)
FULL = replace(OFFER, capacity=5)


def completed(
    session: str = "cs_1",
    payment: str | None = "pi_1",
    amount: int = 5000,
    currency: str = "eur",
    *,
    paid: bool = True,
    livemode: bool = False,
) -> CheckoutCompleted:
    return CheckoutCompleted(session, payment, amount, currency, paid, livemode)


PAID_FACT = completed()
UNDER_WAY = completed(paid=False)
EXPIRED_FACT = CheckoutExpired("cs_1", livemode=False)
DELAYED_FAILED = DelayedPaymentFailed("cs_1", "pi_1", 5000, "eur", livemode=False)
SUCCEEDED = PaymentSucceeded("pi_1", 5000, "eur", livemode=False)
DECLINED = PaymentAttemptFailed("pi_1", livemode=False)


def after(*facts: Fact, start: Registration = PENDING, offer: Offer = OFFER) -> Decision:
    """The last decision when the facts arrive one after the other."""
    registration = start
    decision = None
    for fact in facts:
        decision = decide(registration, offer, fact, livemode=False)
        registration, offer = decision.registration, decision.offer
    assert decision is not None
    return decision


def numbered(registration: Registration, number: int) -> Registration:
    """As the database gives it back: the refund that was ordered has its number."""
    (payment,) = registration.payments
    (refund,) = payment.refunds
    return registration.with_payment(replace(payment, refunds=(replace(refund, number=number),)))


def test_a_paid_checkout_confirms_and_moves_the_places() -> None:
    decision = after(PAID_FACT)
    assert decision.outcome is Outcome.APPLIED
    assert decision.registration.status is Status.PAID
    assert (decision.offer.confirmed, decision.offer.held) == (5, 0)
    assert decision.mails == (MailKind.CONFIRMED,)
    assert [closed.session for closed in decision.closed] == ["cs_1"]
    assert decision.registration.settling_payment is not None


def test_the_same_payment_is_confirmed_once_whoever_reports_it() -> None:
    decision = after(PAID_FACT, SUCCEEDED)
    assert decision.outcome is Outcome.DUPLICATE
    assert decision.mails == ()
    assert after(SUCCEEDED, PAID_FACT).reason is Reason.SESSION_COMPLETED
    assert after(SUCCEEDED, PAID_FACT).mails == ()


def test_completed_while_unpaid_is_not_taken_as_paid() -> None:
    decision = after(UNDER_WAY)
    assert decision.registration.status is Status.PROCESSING
    assert (decision.offer.confirmed, decision.offer.held) == (3, 2)
    assert decision.mails == ()


def test_a_delayed_payment_that_succeeds_confirms() -> None:
    assert after(UNDER_WAY, PAID_FACT).registration.status is Status.PAID


def test_a_delayed_payment_that_fails_frees_the_places_and_tells() -> None:
    decision = after(UNDER_WAY, DELAYED_FAILED)
    assert decision.registration.status is Status.FAILED
    assert decision.offer.held == 0
    assert decision.mails == (MailKind.PAYMENT_FAILED,)


def test_a_delayed_failure_that_overtakes_the_completion_stays_failed() -> None:
    assert after(DELAYED_FAILED, UNDER_WAY).registration.status is Status.FAILED


def test_processing_places_are_not_freed_by_an_expiry() -> None:
    assert after(UNDER_WAY, EXPIRED_FACT).registration.status is Status.PROCESSING


def test_no_payment_required_for_a_registration_that_costs_money_is_rejected() -> None:
    decision = after(completed(payment=None, amount=0))
    assert decision.outcome is Outcome.REJECTED
    assert decision.registration.status is Status.PENDING


def test_an_expired_session_frees_the_places_and_tells() -> None:
    decision = after(EXPIRED_FACT)
    assert decision.registration.status is Status.EXPIRED
    assert (decision.offer.confirmed, decision.offer.held) == (3, 0)
    assert decision.mails == (MailKind.EXPIRED,)


def test_an_older_session_that_expires_frees_nothing() -> None:
    decision = after(CheckoutExpired("cs_0", livemode=False))
    assert decision.outcome is Outcome.IGNORED
    assert decision.registration.status is Status.PENDING


@pytest.mark.parametrize("late", [EXPIRED_FACT, DELAYED_FAILED, DECLINED])
def test_a_paid_registration_does_not_go_down_on_a_late_failure(late: Fact) -> None:
    decision = after(PAID_FACT, late)
    assert decision.registration.status is Status.PAID
    assert decision.outcome in (Outcome.IGNORED, Outcome.DUPLICATE)
    assert decision.offer.confirmed == 5


def test_a_declined_card_frees_nothing_so_that_the_buyer_can_try_again() -> None:
    decision = after(DECLINED)
    assert decision.registration.status is Status.PENDING
    assert decision.offer.held == 2
    assert decision.noted
    assert after(DECLINED, PAID_FACT).registration.status is Status.PAID


def test_a_late_payment_is_seated_again_while_there_is_room() -> None:
    decision = after(EXPIRED_FACT, PAID_FACT)
    assert decision.registration.status is Status.PAID
    assert decision.reason is Reason.LATE_PAYMENT_RESEATED
    assert decision.offer.confirmed == 5
    assert decision.mails == (MailKind.CONFIRMED,)


def test_a_late_payment_is_sent_back_when_the_places_are_gone() -> None:
    gone = replace(FULL, held=2)  # somebody else holds the two places now
    expired = after(EXPIRED_FACT).registration
    decision = after(PAID_FACT, start=expired, offer=gone)
    assert decision.registration.status is Status.EXPIRED
    assert [order.amount for order in decision.refunds] == [5000]
    assert decision.mails == (MailKind.LATE_REFUNDED,)
    assert decision.offer == gone


def test_a_late_payment_is_always_sent_back_if_the_event_says_so() -> None:
    offer = replace(OFFER, late_payment=LatePayment.REFUND)
    assert after(EXPIRED_FACT, PAID_FACT, offer=offer).refunds


def test_a_late_payment_waits_for_a_person_if_the_event_says_so() -> None:
    offer = replace(OFFER, late_payment=LatePayment.REVIEW)
    decision = after(EXPIRED_FACT, PAID_FACT, offer=offer)
    assert decision.registration.review == Reason.LATE_PAYMENT_REVIEW
    assert not decision.refunds


def test_money_kept_for_a_person_to_look_at_can_be_given_back() -> None:
    offer = replace(OFFER, late_payment=LatePayment.REVIEW)
    late = after(EXPIRED_FACT, PAID_FACT, RefundRequested(), offer=offer)
    assert [order.amount for order in late.refunds] == [5000]
    wrong = after(completed(amount=4000), RefundRequested())
    assert [order.amount for order in wrong.refunds] == [4000]
    assert wrong.registration.status is Status.PENDING


def test_a_late_payment_for_a_cancelled_event_is_sent_back() -> None:
    decision = after(EXPIRED_FACT, PAID_FACT, offer=replace(OFFER, cancelled=True))
    assert decision.refunds
    assert decision.registration.status is Status.EXPIRED


def test_a_payment_after_a_cancellation_is_sent_back() -> None:
    decision = after(CancelRequested(refund=True), PAID_FACT)
    assert decision.registration.status is Status.CANCELLED
    assert [order.amount for order in decision.refunds] == [5000]


def test_a_second_payment_is_sent_back_and_leaves_the_registration_paid() -> None:
    second = completed("cs_2", "pi_2")
    decision = after(PAID_FACT, second)
    assert decision.registration.status is Status.PAID
    assert [order.payment for order in decision.refunds] == ["pi_2"]
    returned = after(PAID_FACT, second, ChargeRefunded("pi_2", 5000))
    assert returned.registration.status is Status.PAID
    assert returned.registration.amount_refunded == 0


@pytest.mark.parametrize(
    "wrong", [completed(amount=4999), completed(amount=5001), completed(currency="usd")]
)
def test_a_wrong_amount_or_currency_is_never_applied_and_is_flagged(wrong: Fact) -> None:
    decision = after(wrong)
    assert decision.outcome is Outcome.REJECTED
    assert decision.registration.status is Status.PENDING
    assert decision.registration.review == Reason.AMOUNT_MISMATCH
    assert after(wrong, wrong).outcome is Outcome.REJECTED


def test_a_payment_in_the_wrong_mode_is_never_applied() -> None:
    decision = after(completed(livemode=True))
    assert (decision.outcome, decision.reason) == (Outcome.REJECTED, Reason.WRONG_MODE)
    assert decision.registration.payments == ()


def test_without_a_key_of_our_own_either_mode_is_taken() -> None:
    decision = decide(PENDING, OFFER, completed(livemode=True), livemode=None)
    assert decision.registration.status is Status.PAID


def test_cancelling_an_unpaid_registration_frees_its_places() -> None:
    decision = after(CancelRequested(refund=True), start=replace(PENDING, open_session=None))
    assert decision.registration.status is Status.CANCELLED
    assert decision.offer.held == 0
    assert not decision.refunds


def test_cancelling_a_paid_registration_orders_its_money_back() -> None:
    decision = after(PAID_FACT, CancelRequested(refund=True))
    assert decision.offer.confirmed == 3
    assert [order.amount for order in decision.refunds] == [5000]
    done = after(PAID_FACT, CancelRequested(refund=True), ChargeRefunded("pi_1", 5000))
    assert done.registration.status is Status.REFUNDED
    assert done.registration.amount_refunded == 5000


def test_cancelling_without_a_refund_is_flagged_for_a_person() -> None:
    decision = after(PAID_FACT, CancelRequested(refund=False))
    assert decision.registration.review == Reason.CANCELLED_WITHOUT_REFUND
    assert not decision.refunds


def test_cancelling_twice_orders_one_refund() -> None:
    cancel = CancelRequested(refund=True)
    assert after(PAID_FACT, cancel, cancel).refunds == ()
    assert after(PAID_FACT, cancel, cancel).outcome is Outcome.DUPLICATE


def test_a_partial_refund_keeps_the_places() -> None:
    decision = after(PAID_FACT, RefundRequested(2000), ChargeRefunded("pi_1", 2000))
    assert decision.registration.status is Status.PAID
    assert decision.registration.amount_refunded == 2000
    assert decision.offer.confirmed == 5


def test_partial_refunds_that_add_up_free_the_places() -> None:
    decision = after(PAID_FACT, ChargeRefunded("pi_1", 2000), ChargeRefunded("pi_1", 5000))
    assert decision.registration.status is Status.REFUNDED
    assert decision.offer.confirmed == 3


@pytest.mark.parametrize("amount", [0, -1, 5001])
def test_more_than_was_paid_is_not_given_back(amount: int) -> None:
    decision = after(PAID_FACT, RefundRequested(amount))
    assert decision.outcome is Outcome.REJECTED
    assert not decision.refunds


def test_two_refund_requests_never_exceed_the_payment() -> None:
    assert not after(PAID_FACT, RefundRequested(3000), RefundRequested(3000)).refunds


def test_a_refund_that_comes_before_its_payment_is_taken_into_account() -> None:
    decision = after(ChargeRefunded("pi_1", 5000), PAID_FACT)
    assert decision.registration.status is Status.REFUNDED
    assert decision.mails == (MailKind.REFUNDED,)
    assert decision.offer.held == 0


def test_a_refused_refund_is_flagged_and_can_be_asked_for_again() -> None:
    ordered = numbered(after(PAID_FACT, RefundRequested()).registration, 1)
    refusal = RefundChanged("pi_1", None, 5000, RefundStatus.FAILED, number=1)
    decision = after(refusal, start=ordered)
    assert decision.registration.review == Reason.REFUND_FAILED
    assert decision.registration.status is Status.PAID
    again = after(refusal, RefundRequested(), start=ordered)
    assert [order.amount for order in again.refunds] == [5000]


def test_a_refund_of_a_rejected_payment_leaves_the_registration_waiting() -> None:
    decision = after(completed(amount=4000), ChargeRefunded("pi_1", 4000))
    assert decision.registration.status is Status.PENDING


def test_places_are_given_back_when_no_checkout_can_be_opened() -> None:
    decision = after(CheckoutUnavailable())
    assert decision.registration.status is Status.CANCELLED
    assert decision.offer.held == 0


def test_a_cheque_in_hand_confirms_but_only_where_a_cheque_was_meant() -> None:
    cheque = replace(PENDING, method=PaymentMethod.CHEQUE, open_session=None)
    assert after(MarkedPaid(), start=cheque).registration.status is Status.PAID
    assert after(MarkedPaid()).outcome is Outcome.REJECTED


def test_a_cheque_that_comes_after_its_hold_lapsed_needs_a_free_place() -> None:
    lapsed = replace(PENDING, method=PaymentMethod.CHEQUE, status=Status.EXPIRED)
    assert after(MarkedPaid(), start=lapsed).registration.status is Status.PAID
    full = replace(OFFER, capacity=5)
    assert after(MarkedPaid(), start=lapsed, offer=full).outcome is Outcome.REJECTED


def test_a_second_payment_that_is_returned_says_nothing_of_the_one_that_was_kept() -> None:
    second, back = completed("cs_2", "pi_2"), ChargeRefunded("pi_2", 5000)
    for facts in (
        (PAID_FACT, second, CancelRequested(refund=False), back),
        (PAID_FACT, second, back, CancelRequested(refund=False)),
    ):
        registration = after(*facts).registration
        assert (registration.status, registration.amount_refunded) == (Status.CANCELLED, 0)


def test_money_in_review_goes_back_before_the_payment_that_settles() -> None:
    decision = after(PAID_FACT, completed("cs_2", "pi_2", amount=100), RefundRequested())
    assert [order.payment for order in decision.refunds] == ["pi_2"]


def test_a_cheque_for_a_cancelled_event_seats_nobody() -> None:
    lapsed = replace(PENDING, method=PaymentMethod.CHEQUE, status=Status.EXPIRED)
    decision = after(MarkedPaid(), start=lapsed, offer=replace(OFFER, cancelled=True))
    assert decision.outcome is Outcome.REJECTED
