"""Who comes in."""

from hypothesis import given
from hypothesis import strategies as st

from inscrit.checkin.verdicts import Verdict, refusal
from inscrit.registrations.lifecycle import CONFIRMED, Status

statuses = st.sampled_from(list(Status))


@given(statuses, st.booleans())
def test_only_confirmed_registrations_of_this_event_come_in(status: Status, is_here: bool) -> None:
    comes_in = refusal(status, is_here=is_here) is None
    assert comes_in is (is_here and status in CONFIRMED)


@given(statuses)
def test_a_code_of_another_event_is_told_as_such_whatever_became_of_it(status: Status) -> None:
    assert refusal(status, is_here=False) is Verdict.WRONG_EVENT


def test_who_has_the_money_back_or_cancelled_is_told_so() -> None:
    assert refusal(Status.REFUNDED, is_here=True) is Verdict.REFUNDED
    assert refusal(Status.CANCELLED, is_here=True) is Verdict.CANCELLED
    for status in (Status.PENDING, Status.PROCESSING, Status.EXPIRED, Status.FAILED):
        assert refusal(status, is_here=True) is Verdict.NOT_PAID
