"""A place offered from the waiting list stays offered for as long as it was promised."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutUnavailable,
    Decision,
    Fact,
    MailKind,
    Offer,
    OfferAccepted,
    Outcome,
    PaymentAttemptFailed,
    PaymentMethod,
    Reason,
    Registration,
    Status,
    decide,
)

OFFERED = Registration(
    "reg-1",
    "ev-1",
    Status.PENDING,
    PaymentMethod.STRIPE,
    amount=2500,
    currency="eur",
    places=2,
    open_session="cs_1",
    offered=True,
    promised=True,
)
EVENT = Offer("ev-1", capacity=10, confirmed=3, held=2)
PAID = CheckoutCompleted("cs_1", "pi_1", 2500, "eur", paid=True, livemode=False)
nothing_that_ends_it = st.one_of(
    st.builds(CheckoutExpired, st.sampled_from([None, "cs_1", "cs_2"])),
    st.just(CheckoutUnavailable()),
    st.just(PaymentAttemptFailed("pi_1", livemode=False)),
)


def tell(registration: Registration, *facts: Fact) -> Decision:
    offer = EVENT
    for fact in facts:
        decision = decide(registration, offer, fact)
        registration, offer = decision.registration, decision.offer
    return decision


@given(st.lists(nothing_that_ends_it, min_size=1, max_size=8))
def test_opening_the_payment_page_and_leaving_it_takes_nothing_away(stream: list[Fact]) -> None:
    decision = tell(OFFERED, *stream)
    assert decision.registration.status is Status.PENDING
    assert decision.offer == EVENT
    assert not decision.mails


@given(st.lists(nothing_that_ends_it, max_size=8))
def test_whatever_was_left_before_it_can_still_be_paid(stream: list[Fact]) -> None:
    decision = tell(OFFERED, *stream, PAID)
    assert decision.registration.status is Status.PAID
    assert (decision.offer.held, decision.offer.confirmed) == (0, 5)


def test_a_payment_page_that_ends_is_noted_once() -> None:
    first = tell(OFFERED, CheckoutExpired("cs_1"))
    assert (first.outcome, first.reason) == (Outcome.APPLIED, Reason.OFFER_STANDS)
    assert first.registration.open_session is None
    assert first.closed[0].status == "expired"
    again = tell(first.registration, CheckoutExpired("cs_1"))
    assert again.outcome is Outcome.IGNORED


def test_once_the_promise_is_over_it_lapses_and_the_person_is_told_in_its_own_words() -> None:
    over = replace(OFFERED, promised=False)
    decision = tell(over, CheckoutExpired("cs_1"))
    assert decision.registration.status is Status.EXPIRED
    assert (decision.reason, decision.mails) == (Reason.OFFER_LAPSED, (MailKind.OFFER_LAPSED,))
    assert decision.offer.held == 0


def test_who_declines_gives_the_places_back_although_they_are_promised() -> None:
    declined = tell(OFFERED, CancelRequested(refund=False), CheckoutExpired("cs_1"))
    assert declined.registration.status is Status.CANCELLED
    assert declined.offer.held == 0
    at_once = tell(replace(OFFERED, open_session=None), CancelRequested(refund=False))
    assert at_once.registration.status is Status.CANCELLED


def test_accepting_confirms_only_what_costs_nothing() -> None:
    free = replace(OFFERED, amount=0, open_session=None)
    taken = tell(free, OfferAccepted())
    assert taken.registration.status is Status.FREE
    assert (taken.mails, taken.reason) == ((MailKind.CONFIRMED,), Reason.OFFER_ACCEPTED)
    assert (taken.offer.held, taken.offer.confirmed) == (0, 5)
    assert tell(taken.registration, OfferAccepted()).outcome is Outcome.DUPLICATE
    assert tell(OFFERED, OfferAccepted()).outcome is Outcome.REJECTED
    lapsed = replace(free, status=Status.EXPIRED)
    assert tell(lapsed, OfferAccepted()).outcome is Outcome.REJECTED
