"""Money that goes back: one refund after the other, and what banks take and return.

A registration of two places at 25.00 € each, paid with ``pi_1``, at an event of ten places.
"""

from itertools import permutations

import pytest
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    CancelRequested,
    ChargeRefunded,
    DisputeChanged,
    DisputeStatus,
    Fact,
    LostDispute,
    MailKind,
    MarkedPaid,
    MoneyGivenBack,
    Outcome,
    PaymentMethod,
    Reason,
    RefundChanged,
    RefundRequested,
    RefundStatus,
    Status,
    decide,
)

from .test_lifecycle import EXPIRED_FACT, OFFER, PAID_FACT, completed
from .test_lifecycle import PENDING as TO_BE_PAID
from .told import told

ORDERED, PENDING, SUCCEEDED, FAILED = RefundStatus
ASK_A_PERSON = replace(OFFER, lost_dispute=LostDispute.REVIEW)
SECOND = completed("cs_2", "pi_2")
"""The registration is paid once more, through another session."""


def refund(
    status: RefundStatus,
    amount: int = 5000,
    *,
    id: str = "re_1",  # noqa: A002 - Stripe's word
    number: int | None = None,
    payment: str = "pi_1",
) -> RefundChanged:
    """What Stripe says of a refund; ``number`` is ours, if we ordered it."""
    return RefundChanged(payment, id, amount, status, number)


def orders(*facts: Fact) -> list[tuple[Fact, ...]]:
    """Every order in which Stripe may tell these."""
    return list(permutations(facts))


def dispute(status: str, amount: int = 5000, payment: str = "pi_1") -> DisputeChanged:
    return DisputeChanged(payment, "dp_1", amount, DisputeStatus(status))


# One refund


@pytest.mark.parametrize(
    "order", orders(refund(PENDING), refund(SUCCEEDED), ChargeRefunded("pi_1", 5000))
)
def test_a_whole_refund_ends_refunded_in_whatever_order_it_is_told(
    order: tuple[Fact, ...],
) -> None:
    story = told(PAID_FACT, *order)
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000
    assert story.offer.confirmed == 3
    assert story.mails == [MailKind.CONFIRMED, MailKind.REFUNDED]
    assert story.registration.review is None


FAILS_AFTERWARDS: list[Fact] = [
    refund(SUCCEEDED),
    ChargeRefunded("pi_1", 5000),
    refund(FAILED),
]


@pytest.mark.parametrize("order", orders(*FAILS_AFTERWARDS))
def test_a_refund_that_fails_after_it_succeeded_is_no_refund_in_whatever_order_it_is_told(
    order: tuple[Fact, ...],
) -> None:
    story = told(PAID_FACT, *order)
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 0
    assert story.offer.confirmed == 5
    assert story.registration.review == Reason.REFUND_FAILED
    assert MailKind.ORGANISER_REVIEW in story.mails


def test_a_refund_that_fails_when_its_places_are_taken_leaves_it_cancelled_and_flagged() -> None:
    story = told(PAID_FACT, refund(SUCCEEDED))
    assert story.registration.status is Status.REFUNDED
    story.offer = replace(story.offer, held=7)  # everything is taken by others
    story = story.tell(refund(FAILED))
    assert story.registration.status is Status.CANCELLED
    assert story.registration.review == Reason.REFUND_FAILED
    assert (story.offer.confirmed, story.offer.held) == (3, 7)
    assert [p.refundable for p in story.registration.kept_payments] == [5000]


def test_a_refund_of_a_cancelled_registration_that_fails_leaves_it_cancelled_and_flagged() -> None:
    story = told(PAID_FACT, CancelRequested(refund=True), refund(SUCCEEDED, number=1))
    assert story.registration.status is Status.REFUNDED
    story = story.tell(refund(FAILED, number=1))
    assert story.registration.status is Status.CANCELLED
    assert story.registration.review == Reason.REFUND_FAILED


def test_a_refund_that_failed_once_can_succeed_the_second_time() -> None:
    story = told(PAID_FACT, refund(SUCCEEDED), ChargeRefunded("pi_1", 5000), refund(FAILED))
    # The charge's total went down to nothing and up again.
    story = story.tell(refund(SUCCEEDED, id="re_2"), ChargeRefunded("pi_1", 5000))
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000


def test_a_refund_is_counted_from_the_moment_stripe_has_it() -> None:
    """Pending money is on its way to the buyer: it can't be ordered back once more."""
    story = told(PAID_FACT, refund(PENDING, 2000))
    assert story.registration.amount_refunded == 2000
    assert story.last.reason is Reason.REFUND_UNDER_WAY
    assert not told(PAID_FACT, refund(PENDING, 2000), RefundRequested(3001)).ordered
    assert told(PAID_FACT, refund(PENDING, 2000), RefundRequested()).ordered == [("pi_1", 3000)]


# Several refunds


@pytest.mark.parametrize(
    "order",
    orders(
        refund(SUCCEEDED, 2000),
        ChargeRefunded("pi_1", 2000),
        refund(SUCCEEDED, 3000, id="re_2"),
        ChargeRefunded("pi_1", 5000),
    ),
)
def test_several_partial_refunds_add_up_in_whatever_order_they_are_told(
    order: tuple[Fact, ...],
) -> None:
    story = told(PAID_FACT, *order)
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000
    assert story.offer.confirmed == 3


@pytest.mark.parametrize(
    "order",
    orders(
        refund(SUCCEEDED, 2000), ChargeRefunded("pi_1", 2000), refund(SUCCEEDED, 1000, id="re_2")
    ),
)
def test_partial_refunds_keep_the_places(order: tuple[Fact, ...]) -> None:
    story = told(PAID_FACT, *order, ChargeRefunded("pi_1", 3000))
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 3000
    assert story.offer.confirmed == 5


def test_one_of_several_refunds_that_fails_is_taken_off_the_sum() -> None:
    story = told(
        PAID_FACT,
        refund(SUCCEEDED, 2000),
        refund(SUCCEEDED, 3000, id="re_2"),
        ChargeRefunded("pi_1", 5000),
        refund(FAILED, 3000, id="re_2"),
    )
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 2000
    assert story.registration.review == Reason.REFUND_FAILED


def test_refunds_we_never_heard_of_are_counted_by_the_charges_total() -> None:
    """Older endpoints, and those that did not ask for them, get no refund.* events."""
    story = told(PAID_FACT, ChargeRefunded("pi_1", 2000), refund(SUCCEEDED, 1000, id="re_2"))
    assert story.registration.amount_refunded == 2000
    story = story.tell(ChargeRefunded("pi_1", 3000))
    assert story.registration.amount_refunded == 3000


# By us, or in Stripe's Dashboard


@pytest.mark.parametrize("first", ["Stripe's event", "Stripe's answer"])
def test_a_refund_we_ordered_is_one_refund_whoever_reports_it_first(first: str) -> None:
    story = told(PAID_FACT, RefundRequested(2000))
    assert story.ordered == [("pi_1", 2000)]
    story = story.tell(refund(SUCCEEDED, 2000, number=1), refund(SUCCEEDED, 2000, number=1))
    assert story.last.outcome is Outcome.DUPLICATE
    (payment,) = story.registration.payments
    (known,) = payment.refunds
    assert (known.number, known.stripe_id, known.status) == (1, "re_1", SUCCEEDED)
    assert payment.refundable == 3000


def test_a_refund_in_the_dashboard_is_another_one_than_ours() -> None:
    story = told(PAID_FACT, RefundRequested(2000), refund(SUCCEEDED, 1000, id="re_of_others"))
    (payment,) = story.registration.payments
    assert [(r.number, r.status) for r in payment.refunds] == [(1, ORDERED), (None, SUCCEEDED)]
    assert payment.refundable == 2000
    story = story.tell(refund(SUCCEEDED, 2000, number=1))
    assert story.registration.amount_refunded == 3000


def test_a_number_of_ours_on_a_second_refund_does_not_hide_the_first() -> None:
    story = told(
        PAID_FACT,
        RefundRequested(2000),
        refund(SUCCEEDED, 2000, number=1),
        refund(SUCCEEDED, 1000, id="re_2", number=1),
    )
    assert story.registration.amount_refunded == 3000


def test_an_order_stripe_refuses_because_all_is_back_already_worries_nobody() -> None:
    """Somebody was quicker in the Dashboard: nothing is owed to the buyer any more."""
    story = told(PAID_FACT, RefundRequested(), refund(SUCCEEDED, id="re_of_others"))
    assert story.registration.status is Status.REFUNDED
    story = story.tell(RefundChanged("pi_1", None, 5000, FAILED, number=1))
    assert story.registration.status is Status.REFUNDED
    assert story.registration.review is None
    (payment,) = story.registration.payments
    assert {refund.status for refund in payment.refunds} == {FAILED, SUCCEEDED}


# Refunds and payments that come in the wrong order, and two payments


@pytest.mark.parametrize("order", orders(PAID_FACT, refund(SUCCEEDED), *FAILS_AFTERWARDS))
def test_a_refund_that_failed_before_its_payment_was_told_leaves_the_payment_good(
    order: tuple[Fact, ...],
) -> None:
    story = told(*order)
    assert story.registration.amount_refunded == 0
    assert story.registration.review == Reason.REFUND_FAILED
    (payment,) = story.registration.payments
    # Told as REFUNDED in between it may have lost its places; the money is in sight in any case.
    assert payment.settles is (story.registration.status is Status.PAID)
    assert story.registration.status in (Status.PAID, Status.CANCELLED)


@pytest.mark.parametrize(
    "order", orders(PAID_FACT, refund(SUCCEEDED), ChargeRefunded("pi_1", 5000))
)
def test_all_money_back_leaves_no_ticket_even_if_the_payment_is_told_last(
    order: tuple[Fact, ...],
) -> None:
    story = told(*order)
    assert story.registration.status is Status.REFUNDED
    assert (story.offer.confirmed, story.offer.held) == (3, 0)
    assert MailKind.REFUNDED in story.mails


def test_part_of_the_money_back_before_the_payment_is_told_leaves_the_ticket() -> None:
    story = told(refund(SUCCEEDED, 2000), PAID_FACT)
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 2000


def test_the_second_of_two_payments_given_back_leaves_the_ticket() -> None:
    story = told(PAID_FACT, SECOND)
    assert story.ordered == [("pi_2", 5000)]
    story = story.tell(refund(SUCCEEDED, number=1, payment="pi_2"), ChargeRefunded("pi_2", 5000))
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 0
    assert MailKind.REFUNDED not in story.mails


def test_the_first_of_two_payments_given_back_leaves_the_ticket_on_the_second() -> None:
    story = told(PAID_FACT, SECOND, refund(FAILED, number=1, payment="pi_2"))
    assert story.registration.review == Reason.REFUND_FAILED
    story = story.tell(refund(SUCCEEDED, id="re_d"))
    assert story.registration.status is Status.PAID
    settling = story.registration.settling_payment
    assert settling is not None
    assert settling.key == "pi_2"
    assert story.registration.amount_refunded == 0
    assert story.offer.confirmed == 5


def test_both_of_two_payments_given_back_leave_no_ticket() -> None:
    story = told(PAID_FACT, SECOND, refund(SUCCEEDED, id="re_d"))
    story = story.tell(refund(SUCCEEDED, number=1, payment="pi_2"))
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000
    assert story.offer.confirmed == 3


def test_a_late_payment_that_came_back_is_refunded_without_a_second_mail() -> None:
    full = replace(OFFER, capacity=5)
    story = told(EXPIRED_FACT, offer=full)
    story.offer = replace(story.offer, held=2)
    story = story.tell(PAID_FACT, refund(SUCCEEDED, number=1))
    assert story.registration.status is Status.REFUNDED
    assert story.mails == [MailKind.EXPIRED, MailKind.LATE_REFUNDED]


# Disputes


@pytest.mark.parametrize("status", ["warning_needs_response", "warning_under_review"])
def test_an_inquiry_is_no_chargeback(status: str) -> None:
    story = told(PAID_FACT, dispute(status))
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 0
    assert story.registration.review == Reason.DISPUTE_INQUIRY
    assert MailKind.ORGANISER_REVIEW in story.mails
    assert story.offer.confirmed == 5
    # No money moved: it can still be given back, which is what ends most inquiries.
    assert story.tell(RefundRequested()).ordered == [("pi_1", 5000)]


def test_an_inquiry_that_is_closed_needs_nobody_any_more() -> None:
    story = told(PAID_FACT, dispute("warning_needs_response"), dispute("warning_closed"))
    assert story.registration.status is Status.PAID
    assert story.registration.review is None


@pytest.mark.parametrize("status", ["needs_response", "under_review"])
def test_a_dispute_keeps_the_places_and_a_person_is_told(status: str) -> None:
    story = told(PAID_FACT, dispute(status))
    assert story.registration.status is Status.PAID
    assert story.registration.review == Reason.DISPUTE_OPENED
    assert story.offer.confirmed == 5
    assert MailKind.ORGANISER_REVIEW in story.mails


def test_while_the_bank_has_the_money_it_is_not_given_back_as_well() -> None:
    story = told(PAID_FACT, dispute("needs_response"), RefundRequested())
    assert story.last.outcome is Outcome.REJECTED
    story = story.tell(CancelRequested(refund=True))
    assert story.registration.status is Status.CANCELLED
    assert not story.ordered


def test_a_dispute_that_is_won_leaves_everything_as_it_was() -> None:
    story = told(PAID_FACT, dispute("needs_response"), dispute("under_review"), dispute("won"))
    assert story.registration.status is Status.PAID
    assert story.registration.review is None
    assert story.tell(RefundRequested()).ordered == [("pi_1", 5000)]


def test_a_dispute_won_after_the_cancellation_leaves_money_that_a_person_decides_on() -> None:
    story = told(PAID_FACT, dispute("needs_response"), CancelRequested(refund=True))
    story = story.tell(dispute("won"))
    assert story.registration.status is Status.CANCELLED
    assert story.registration.review == Reason.DISPUTE_WON
    assert len(story.registration.kept_payments) == 1


@pytest.mark.parametrize("end", ["won", "warning_closed"])
def test_what_a_bank_gives_back_after_the_event_was_cancelled_goes_on_to_the_buyer(
    end: str,
) -> None:
    begun = "warning_needs_response" if end == "warning_closed" else "needs_response"
    story = told(PAID_FACT, dispute(begun))
    story.offer = replace(story.offer, cancelled=True)
    story = story.tell(CancelRequested(refund=True), dispute(end))
    assert story.registration.status is Status.CANCELLED
    assert story.ordered == [("pi_1", 5000)]
    assert story.registration.review is None


def test_a_dispute_that_is_lost_frees_the_places_and_tells_both() -> None:
    story = told(PAID_FACT, dispute("needs_response"), dispute("lost"))
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000
    assert story.offer.confirmed == 3
    assert story.last.mails == (MailKind.REFUNDED, MailKind.ORGANISER_REVIEW)
    assert story.registration.review is None


def test_a_dispute_that_is_lost_waits_for_a_person_if_the_event_says_so() -> None:
    story = told(PAID_FACT, dispute("needs_response"), dispute("lost"), offer=ASK_A_PERSON)
    assert story.registration.status is Status.PAID
    assert story.registration.review == Reason.DISPUTE_LOST
    assert story.registration.amount_refunded == 5000
    assert story.offer.confirmed == 5


def test_a_part_that_is_lost_keeps_the_places() -> None:
    story = told(PAID_FACT, dispute("lost", amount=2000))
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 2000


def test_what_was_lost_and_what_was_given_back_add_up() -> None:
    story = told(PAID_FACT, refund(SUCCEEDED, 2000), dispute("lost", amount=3000))
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000


def test_a_lost_dispute_that_is_won_on_appeal_seats_again_while_there_is_room() -> None:
    story = told(PAID_FACT, dispute("lost"), dispute("won"))
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 0
    assert story.offer.confirmed == 5


def test_a_lost_dispute_won_on_appeal_when_the_places_are_taken_is_left_to_a_person() -> None:
    story = told(PAID_FACT, dispute("lost"))
    story.offer = replace(story.offer, held=7)
    story = story.tell(dispute("won"))
    assert story.registration.status is Status.CANCELLED
    assert story.registration.review == Reason.DISPUTE_WON
    assert story.offer.held == 7


@pytest.mark.parametrize("offer", [OFFER, ASK_A_PERSON])
@pytest.mark.parametrize(
    "order", orders(dispute("needs_response"), dispute("under_review"), dispute("lost"))
)
def test_a_lost_dispute_ends_the_same_in_whatever_order_it_is_told(
    order: tuple[Fact, ...], offer: object
) -> None:
    asked = offer is ASK_A_PERSON
    story = told(PAID_FACT, *order, offer=ASK_A_PERSON if asked else OFFER)
    assert story.registration.status is (Status.PAID if asked else Status.REFUNDED)
    assert story.registration.amount_refunded == 5000
    assert story.registration.review == (Reason.DISPUTE_LOST if asked else None)


@pytest.mark.parametrize(
    "order",
    orders(dispute("warning_needs_response"), dispute("needs_response"), dispute("won")),
)
def test_a_won_dispute_ends_the_same_in_whatever_order_it_is_told(
    order: tuple[Fact, ...],
) -> None:
    story = told(PAID_FACT, *order)
    assert story.registration.status is Status.PAID
    assert story.registration.review is None


def test_an_inquiry_may_become_a_dispute() -> None:
    story = told(PAID_FACT, dispute("warning_under_review"), dispute("needs_response"))
    assert story.registration.review == Reason.DISPUTE_OPENED
    assert story.tell(RefundRequested()).last.outcome is Outcome.REJECTED


def test_the_end_of_a_dispute_does_not_hide_what_else_is_to_be_looked_at() -> None:
    story = told(PAID_FACT, refund(SUCCEEDED, 1000), refund(FAILED, 1000))
    story = story.tell(dispute("needs_response"), dispute("won"))
    assert story.registration.review == Reason.REFUND_FAILED


def test_a_dispute_lost_before_its_payment_was_told_leaves_no_ticket() -> None:
    story = told(dispute("lost"), PAID_FACT)
    assert story.registration.status is Status.REFUNDED
    assert story.offer.held == 0


def test_a_dispute_of_the_second_payment_leaves_the_ticket() -> None:
    story = told(PAID_FACT, SECOND, refund(FAILED, number=1, payment="pi_2"))
    story = story.tell(dispute("lost", payment="pi_2"))
    assert story.registration.status is Status.PAID
    assert story.offer.confirmed == 5


def test_the_first_of_two_payments_lost_at_the_bank_leaves_the_ticket_on_the_second() -> None:
    story = told(PAID_FACT, SECOND, refund(FAILED, number=1, payment="pi_2"))
    story = story.tell(dispute("lost"))
    assert story.registration.status is Status.PAID
    settling = story.registration.settling_payment
    assert settling is not None
    assert settling.key == "pi_2"


def test_what_was_told_of_money_before_it_came_for_another_registration_stays() -> None:
    story = told(refund(SUCCEEDED, 2000), dispute("needs_response", 3000))
    decision = decide(story.registration, story.offer, PAID_FACT, foreign=True)
    (money,) = decision.registration.payments
    assert (money.amount, money.refunded, money.refundable) == (5000, 2000, 0)


BY_CHEQUE = replace(TO_BE_PAID, method=PaymentMethod.CHEQUE, open_session=None)


def test_a_cheque_given_back_by_hand_ends_the_registration_and_frees_its_places() -> None:
    story = told(MarkedPaid(), MoneyGivenBack(2000), start=BY_CHEQUE)
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 2000
    assert story.offer.confirmed == 5
    story = story.tell(MoneyGivenBack(3000))
    assert story.registration.status is Status.REFUNDED
    assert story.registration.amount_refunded == 5000
    assert story.offer.confirmed == 3
    assert story.last.reason is Reason.MONEY_GIVEN_BACK
    assert story.mails == [MailKind.CONFIRMED]


def test_what_was_flagged_of_a_cancelled_cheque_is_done_once_all_is_given_back() -> None:
    story = told(MarkedPaid(), CancelRequested(refund=True), MoneyGivenBack(1), start=BY_CHEQUE)
    assert story.registration.status is Status.CANCELLED
    assert story.registration.review == Reason.CANCELLED_WITHOUT_REFUND
    story = story.tell(MoneyGivenBack())
    assert story.registration.status is Status.REFUNDED
    assert story.registration.review is None
    assert story.registration.amount_refunded == 5000


@pytest.mark.parametrize("amount", [-1, 0, 5001])
def test_no_more_is_given_back_by_hand_than_came_by_hand(amount: int) -> None:
    story = told(MarkedPaid(), MoneyGivenBack(amount), start=BY_CHEQUE)
    assert story.last.outcome is Outcome.REJECTED
    assert story.last.reason is Reason.NOTHING_BY_HAND
    assert story.registration.amount_refunded == 0
    assert told(MarkedPaid(), MoneyGivenBack(), MoneyGivenBack(), start=BY_CHEQUE).last.reason is (
        Reason.NOTHING_BY_HAND
    )


@pytest.mark.parametrize(
    "facts",
    [(), (PAID_FACT,), (PAID_FACT, CancelRequested(refund=False))],
)
def test_only_what_was_paid_by_hand_goes_back_by_hand(facts: tuple[Fact, ...]) -> None:
    for start in (TO_BE_PAID, replace(TO_BE_PAID, method=PaymentMethod.CHEQUE)):
        story = told(*facts, MoneyGivenBack(), start=start)
        assert story.last.reason is Reason.NOTHING_BY_HAND


def test_a_second_payment_that_stripe_returns_is_no_money_given_back_by_hand() -> None:
    story = told(MarkedPaid(), PAID_FACT, refund(SUCCEEDED, number=1), start=BY_CHEQUE)
    assert story.registration.status is Status.PAID
    assert story.registration.amount_refunded == 0
    story = told(
        MarkedPaid(),
        PAID_FACT,
        CancelRequested(refund=True),
        refund(SUCCEEDED, number=1),
        start=BY_CHEQUE,
    )
    assert story.registration.status is Status.CANCELLED
    assert story.tell(MoneyGivenBack()).registration.status is Status.REFUNDED
