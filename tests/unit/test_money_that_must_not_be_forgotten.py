"""Stories in which money, a flag or a place could be lost from sight, one flag over another."""

import pytest
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    CancelRequested,
    ChargeRefunded,
    CheckoutExpired,
    DisputeChanged,
    DisputeStatus,
    Fact,
    LatePayment,
    MailKind,
    MarkedPaid,
    Outcome,
    PaymentMethod,
    Reason,
    RefundChanged,
    RefundRequested,
    RefundStatus,
    Resolution,
    ReviewResolved,
    Status,
)

from .test_lifecycle import EXPIRED_FACT, OFFER, PAID_FACT, PENDING, completed
from .told import told

ACCEPT, REFUND, IGNORE = map(ReviewResolved, Resolution)
CANCEL = CancelRequested(refund=True)
WRONG = completed(amount=4000)
ALSO_WRONG = completed("cs_2", "pi_2", amount=3000)


def disputed(status: str, amount: int = 5000) -> DisputeChanged:
    return DisputeChanged("pi_1", "dp_1", amount, DisputeStatus(status))


def refunded(status: RefundStatus, amount: int = 5000) -> RefundChanged:
    return RefundChanged("pi_1", "re_1", amount, status, number=1)


def test_a_failed_refund_is_told_although_an_inquiry_is_open() -> None:
    story = told(
        PAID_FACT,
        disputed("warning_needs_response"),
        RefundRequested(),
        refunded(RefundStatus.SUCCEEDED),
        refunded(RefundStatus.FAILED),
    )
    assert story.registration.review == Reason.REFUND_FAILED
    assert story.last.mails == (MailKind.ORGANISER_REVIEW,)
    story.tell(disputed("warning_closed"))
    assert story.registration.review == Reason.REFUND_FAILED


def test_a_failed_refund_is_told_behind_any_other_flag() -> None:
    story = told(PAID_FACT, ALSO_WRONG, ReviewResolved(Resolution.REFUND))
    story.tell(WRONG, ALSO_WRONG)
    assert story.registration.review is None
    story = told(PAID_FACT, ALSO_WRONG, refunded(RefundStatus.FAILED))
    assert story.registration.review == Reason.AMOUNT_MISMATCH
    assert MailKind.ORGANISER_REVIEW in story.last.mails


def test_what_is_left_of_a_partly_lost_payment_can_be_given_back() -> None:
    story = told(PAID_FACT, disputed("needs_response", 2000))
    assert story.registration.payments[0].refundable == 0
    story.tell(disputed("lost", 2000), CANCEL)
    assert story.ordered == [("pi_1", 3000)]


def test_accepted_money_can_be_given_back_after_its_refund_failed() -> None:
    story = told(WRONG, ACCEPT, CANCEL)
    assert story.ordered == [("pi_1", 4000)]
    story.tell(RefundChanged("pi_1", None, 4000, RefundStatus.FAILED, number=1))
    assert story.registration.review == Reason.REFUND_FAILED
    story.tell(REFUND)
    assert story.ordered == [("pi_1", 4000), ("pi_1", 4000)]


def test_money_that_was_kept_can_still_be_given_back() -> None:
    story = told(WRONG, IGNORE, RefundRequested())
    assert story.ordered == [("pi_1", 4000)]


def test_cancelling_with_the_money_back_returns_what_was_under_review_too() -> None:
    start = replace(PENDING, open_session=None)
    story = told(WRONG, CANCEL, start=start)
    assert story.ordered == [("pi_1", 4000)]
    assert (story.registration.status, story.registration.review) == (Status.CANCELLED, None)


def test_a_cancelled_event_returns_money_whose_registration_had_lapsed() -> None:
    asks = replace(OFFER, late_payment=LatePayment.REVIEW)
    story = told(EXPIRED_FACT, PAID_FACT, offer=asks)
    assert story.registration.review == Reason.LATE_PAYMENT_REVIEW
    story.offer = replace(story.offer, cancelled=True)
    story.tell(CANCEL, CANCEL)
    assert story.ordered == [("pi_1", 5000)]
    assert story.registration.status is Status.EXPIRED
    assert not story.registration.review


def test_a_cheque_that_has_to_go_back_is_flagged() -> None:
    cheque = replace(PENDING, method=PaymentMethod.CHEQUE, open_session=None)
    story = told(MarkedPaid(), CANCEL, start=cheque)
    assert story.registration.review == Reason.CANCELLED_WITHOUT_REFUND
    assert story.last.mails == (MailKind.CANCELLED, MailKind.ORGANISER_REVIEW)
    unpaid = told(CANCEL, start=cheque)
    assert unpaid.registration.review is None


def test_giving_back_what_a_flag_is_not_about_leaves_the_good_payment_alone() -> None:
    live = replace_livemode(completed("cs_2", "pi_2"))
    story = told(PAID_FACT, live, REFUND)
    assert story.last.reason is Reason.NOTHING_TO_REFUND
    assert story.ordered == []


def replace_livemode(fact: Fact) -> Fact:
    return replace(fact, livemode=True)


def test_giving_back_after_a_part_failed_gives_back_that_part() -> None:
    story = told(PAID_FACT, RefundRequested(1500), refunded(RefundStatus.FAILED, 1500), REFUND)
    assert story.ordered == [("pi_1", 1500), ("pi_1", 1500)]
    assert story.registration.status is Status.PAID


def test_accepting_one_of_two_payments_leaves_the_other_to_be_looked_at() -> None:
    story = told(WRONG, ALSO_WRONG, ACCEPT)
    assert story.registration.status is Status.PAID
    assert story.registration.review == Reason.AMOUNT_MISMATCH
    assert [payment.key for payment in story.registration.kept_payments] == ["pi_2"]
    story.tell(ACCEPT)
    assert story.last.reason is Reason.NOTHING_TO_ACCEPT
    story.tell(REFUND)
    assert story.ordered == [("pi_2", 3000)]


def test_more_money_behind_a_flag_is_written_down_and_told() -> None:
    story = told(WRONG, ALSO_WRONG)
    assert [decision.noted for decision in story.decisions] == [True, True]
    assert story.mails == [MailKind.ORGANISER_REVIEW, MailKind.ORGANISER_REVIEW]
    story.tell(ALSO_WRONG)
    assert (story.last.noted, story.last.mails) == (False, ())


@pytest.mark.parametrize(
    "said", [{"open_session": "cs_1"}, {"open_session": None, "opening": True}]
)
def test_no_hold_lapses_while_somebody_may_be_paying(said: dict[str, object]) -> None:
    story = told(CheckoutExpired(None), start=replace(PENDING, **said))
    assert (story.last.outcome, story.registration.status) == (Outcome.IGNORED, Status.PENDING)


def test_a_returned_payment_of_another_session_takes_no_place_that_is_being_paid() -> None:
    story = told(
        completed(paid=False), ChargeRefunded("pi_2", 5000), completed("cs_2", "pi_2"), PAID_FACT
    )
    assert story.registration.status is Status.PAID
    assert story.ordered == []
