"""A person has looked at what was flagged: accepts it, gives the money back, or lets it be.

A registration of two places at 25.00 € each, at an event of ten places.
"""

import pytest
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    CancelRequested,
    ChargeRefunded,
    DisputeChanged,
    DisputeStatus,
    Fact,
    LatePayment,
    LostDispute,
    MailKind,
    Offer,
    Outcome,
    PaymentStatus,
    PaymentSucceeded,
    Reason,
    RefundChanged,
    RefundStatus,
    Resolution,
    ReviewResolved,
    Status,
    decide,
)

from .test_lifecycle import EXPIRED_FACT, OFFER, PAID_FACT, PENDING, completed
from .told import Story, told

ACCEPT, REFUND, IGNORE = map(ReviewResolved, Resolution)
ASKS = replace(OFFER, late_payment=LatePayment.REVIEW, lost_dispute=LostDispute.REVIEW)
"""An event that leaves everything to a person."""
WRONG = completed(amount=4000)
FAILED_REFUND = (
    RefundChanged("pi_1", "re_1", 5000, RefundStatus.SUCCEEDED),
    RefundChanged("pi_1", "re_1", 5000, RefundStatus.FAILED),
)


def disputed(status: str) -> DisputeChanged:
    return DisputeChanged("pi_1", "dp_1", 5000, DisputeStatus(status))


FLAGGED: dict[Reason, tuple[Fact, ...]] = {
    Reason.AMOUNT_MISMATCH: (WRONG,),
    Reason.LATE_PAYMENT_REVIEW: (EXPIRED_FACT, PAID_FACT),
    Reason.CANCELLED_WITHOUT_REFUND: (PAID_FACT, CancelRequested(refund=False)),
    Reason.REFUND_FAILED: (PAID_FACT, *FAILED_REFUND),
    Reason.DISPUTE_INQUIRY: (PAID_FACT, disputed("warning_needs_response")),
    Reason.DISPUTE_OPENED: (PAID_FACT, disputed("needs_response")),
    Reason.DISPUTE_LOST: (PAID_FACT, disputed("lost")),
    Reason.DISPUTE_WON: (
        PAID_FACT,
        disputed("needs_response"),
        CancelRequested(refund=True),
        disputed("won"),
    ),
}
"""What leads to each flag."""
SEATS = {
    Reason.AMOUNT_MISMATCH,
    Reason.LATE_PAYMENT_REVIEW,
    Reason.CANCELLED_WITHOUT_REFUND,
    Reason.DISPUTE_WON,
}
"""Flags of money that gives nobody a place: to accept it is to seat the registration."""
WITH_THE_BANK = {Reason.DISPUTE_OPENED, Reason.DISPUTE_LOST}


def flagged(reason: Reason, offer: Offer = ASKS) -> Story:
    story = told(*FLAGGED[reason], offer=offer)
    assert story.registration.review == reason
    return story


def flagged_in_another_way(reason: Reason) -> Story:
    """The money named another registration, or came in the wrong mode."""
    story = Story()
    fact = completed(livemode=reason is Reason.WRONG_MODE)
    decision = decide(PENDING, OFFER, fact, livemode=False, foreign=True)
    story.registration = decision.registration
    assert story.registration.review == reason
    return story


@pytest.mark.parametrize("reason", FLAGGED)
def test_whatever_is_flagged_is_told_to_the_organiser(reason: Reason) -> None:
    assert MailKind.ORGANISER_REVIEW in flagged(reason).mails


@pytest.mark.parametrize("reason", FLAGGED)
def test_what_is_accepted_is_confirmed_and_needs_nobody_any_more(reason: Reason) -> None:
    story = flagged(reason).tell(ACCEPT)
    assert story.last.reason is Reason.REVIEW_ACCEPTED
    assert story.registration.status is Status.PAID
    assert story.registration.review is None
    assert (story.offer.confirmed, story.offer.held) == (5, 0)
    assert (MailKind.CONFIRMED in story.last.mails) is (reason in SEATS)


@pytest.mark.parametrize("reason", [reason for reason in FLAGGED if reason not in WITH_THE_BANK])
def test_what_is_given_back_is_ordered_once_and_needs_nobody_any_more(reason: Reason) -> None:
    story = flagged(reason)
    status, places = story.registration.status, story.offer
    story = story.tell(REFUND)
    assert story.last.reason is Reason.REVIEW_REFUNDED
    amount = 4000 if reason is Reason.AMOUNT_MISMATCH else 5000
    assert [(order.payment, order.amount) for order in story.last.refunds] == [("pi_1", amount)]
    assert story.registration.review is None
    # The places move once the money is back.
    assert (story.registration.status, story.offer) == (status, places)


@pytest.mark.parametrize("reason", sorted(WITH_THE_BANK))
def test_what_the_bank_has_is_not_given_back_as_well(reason: Reason) -> None:
    story = flagged(reason).tell(REFUND)
    assert (story.last.outcome, story.last.reason) == (Outcome.REJECTED, Reason.NOTHING_TO_REFUND)
    assert story.registration.review == reason


@pytest.mark.parametrize("reason", FLAGGED)
def test_what_is_let_be_stays_as_it_is_and_needs_nobody_any_more(reason: Reason) -> None:
    story = flagged(reason)
    before, places = story.registration, story.offer
    story = story.tell(IGNORE)
    assert story.last.reason is Reason.REVIEW_IGNORED
    assert story.registration.review is None
    assert story.registration.status is before.status
    assert story.offer == places
    assert not story.last.mails
    assert not story.last.refunds


@pytest.mark.parametrize("resolution", [ACCEPT, REFUND, IGNORE])
@pytest.mark.parametrize("reason", [reason for reason in FLAGGED if reason not in WITH_THE_BANK])
def test_what_was_decided_is_not_flagged_again_when_stripe_tells_it_again(
    reason: Reason, resolution: ReviewResolved
) -> None:
    told_again = [fact for fact in FLAGGED[reason] if not isinstance(fact, CancelRequested)]
    story = flagged(reason).tell(resolution)
    before = story.registration
    for fact in (*told_again, PaymentSucceeded("pi_1", 5000, "eur", livemode=False)):
        if reason is Reason.AMOUNT_MISMATCH and isinstance(fact, PaymentSucceeded):
            fact = replace(fact, amount=4000)
        story.tell(fact)
        assert story.registration == before
        assert not story.last.mails
        assert not story.last.refunds


@pytest.mark.parametrize("resolution", [ACCEPT, IGNORE])
@pytest.mark.parametrize("reason", sorted(WITH_THE_BANK))
def test_a_dispute_that_was_looked_at_is_not_flagged_again_when_it_is_told_again(
    reason: Reason, resolution: ReviewResolved
) -> None:
    story = flagged(reason).tell(resolution, FLAGGED[reason][-1])
    assert story.registration.review is None


def test_a_dispute_that_moves_on_is_flagged_again() -> None:
    """An inquiry was looked at; that it became a chargeback is news."""
    story = flagged(Reason.DISPUTE_INQUIRY).tell(IGNORE, disputed("needs_response"))
    assert story.registration.review == Reason.DISPUTE_OPENED


def test_an_open_dispute_stays_in_sight_when_something_else_was_looked_at() -> None:
    story = flagged(Reason.REFUND_FAILED).tell(disputed("needs_response"), IGNORE)
    assert story.registration.review == Reason.DISPUTE_OPENED


@pytest.mark.parametrize("reason", [Reason.LATE_PAYMENT_REVIEW, Reason.CANCELLED_WITHOUT_REFUND])
def test_nobody_is_seated_where_no_place_is_left(reason: Reason) -> None:
    story = flagged(reason)
    story.offer = replace(story.offer, held=7)
    story = story.tell(ACCEPT)
    assert (story.last.outcome, story.last.reason) == (Outcome.REJECTED, Reason.NO_PLACE_LEFT)
    assert story.registration.review == reason
    assert story.offer.confirmed == 3


def test_money_in_another_currency_is_given_back_not_accepted() -> None:
    dollars = completed(currency="usd")
    story = told(dollars, ACCEPT)
    assert story.last.reason is Reason.ACCEPT_OTHER_CURRENCY
    assert story.registration.status is Status.PENDING
    assert story.registration.review == Reason.AMOUNT_MISMATCH
    story = told(dollars, completed("cs_2", "pi_2", amount=4000), ACCEPT)
    assert story.last.reason is Reason.REVIEW_ACCEPTED
    assert [p.key for p in story.registration.payments if p.settles] == ["pi_2"]
    assert story.registration.review == Reason.AMOUNT_MISMATCH
    assert story.tell(REFUND).ordered == [("pi_1", 5000)]


def test_nobody_is_seated_at_a_cancelled_event() -> None:
    story = flagged(Reason.CANCELLED_WITHOUT_REFUND)
    story.offer = replace(story.offer, cancelled=True)
    assert story.tell(ACCEPT).last.reason is Reason.NO_PLACE_LEFT


def test_a_wrong_amount_that_was_accepted_can_be_given_back_later() -> None:
    story = flagged(Reason.AMOUNT_MISMATCH).tell(ACCEPT, CancelRequested(refund=True))
    assert story.ordered == [("pi_1", 4000)]
    story = story.tell(RefundChanged("pi_1", "re_1", 4000, RefundStatus.SUCCEEDED, 1))
    assert story.registration.status is Status.REFUNDED


def test_a_wrong_amount_that_was_given_back_leaves_the_buyer_to_pay_the_right_one() -> None:
    story = flagged(Reason.AMOUNT_MISMATCH).tell(REFUND)
    assert story.registration.status is Status.PENDING
    story = story.tell(completed("cs_2", "pi_2"))
    assert story.registration.status is Status.PAID
    assert story.registration.review is None


def test_money_that_was_kept_can_still_be_given_back_in_the_dashboard() -> None:
    story = flagged(Reason.LATE_PAYMENT_REVIEW).tell(IGNORE, ChargeRefunded("pi_1", 5000))
    assert story.registration.status is Status.REFUNDED


@pytest.mark.parametrize("way", ["by us", "in the Dashboard"])
def test_the_buyer_is_told_when_late_money_that_a_person_looked_at_comes_back(way: str) -> None:
    story = flagged(Reason.LATE_PAYMENT_REVIEW)
    assert story.mails == [MailKind.EXPIRED, MailKind.ORGANISER_REVIEW]
    if way == "by us":
        story = story.tell(REFUND, RefundChanged("pi_1", "re_1", 5000, RefundStatus.SUCCEEDED, 1))
    else:
        story = story.tell(ChargeRefunded("pi_1", 5000))
    assert story.registration.status is Status.REFUNDED
    assert story.mails[2:] == [MailKind.REFUNDED]


def test_a_refund_a_person_ordered_that_fails_comes_back_to_that_person() -> None:
    story = flagged(Reason.LATE_PAYMENT_REVIEW).tell(REFUND)
    story = story.tell(RefundChanged("pi_1", None, 5000, RefundStatus.FAILED, number=1))
    assert story.registration.review == Reason.REFUND_FAILED
    assert story.tell(REFUND).ordered == [("pi_1", 5000), ("pi_1", 5000)]


def test_what_is_not_flagged_is_not_decided() -> None:
    story = told(PAID_FACT, REFUND)
    assert (story.last.outcome, story.last.reason) == (Outcome.REJECTED, Reason.NOTHING_TO_REVIEW)


# Money that is another registration's, or of another mode


@pytest.mark.parametrize("resolution", [ACCEPT, REFUND, IGNORE])
def test_money_that_names_another_registration_is_decided_once(resolution: ReviewResolved) -> None:
    story = flagged_in_another_way(Reason.OTHER_REGISTRATION).tell(resolution)
    assert story.registration.review is None
    assert (story.registration.status is Status.PAID) is (resolution is ACCEPT)
    assert story.ordered == ([("pi_1", 5000)] if resolution is REFUND else [])
    for fact in (completed(), PaymentSucceeded("pi_1", 5000, "eur", livemode=False)):
        again = decide(story.registration, story.offer, fact, livemode=False, foreign=True)
        assert again.registration.review is None
        assert not again.mails


def test_money_that_names_another_registration_is_followed_when_it_goes_back() -> None:
    """Its charge names the other one too; the refund is of this payment all the same."""
    story = flagged_in_another_way(Reason.OTHER_REGISTRATION).tell(REFUND)
    total = ChargeRefunded("pi_1", 5000)
    back = decide(story.registration, story.offer, total, livemode=False, foreign=True)
    assert back.registration.review is None
    (payment,) = back.registration.payments
    assert (payment.status, payment.refunded) == (PaymentStatus.SUCCEEDED, 5000)


def test_money_of_another_mode_can_only_be_let_be() -> None:
    """Nothing of it is recorded: with this key nobody could give it back."""
    story = flagged_in_another_way(Reason.WRONG_MODE)
    assert story.tell(ACCEPT).last.reason is Reason.NOTHING_TO_ACCEPT
    assert story.tell(REFUND).last.reason is Reason.NOTHING_TO_REFUND
    assert story.tell(IGNORE).registration.review is None
    assert story.registration.status is Status.PENDING
