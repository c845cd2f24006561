"""A registration goes to another event: what the rules allow, and that places never get lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    CancelRequested,
    Decision,
    Fact,
    MailKind,
    MarkedPaid,
    MoveRequested,
    Offer,
    Outcome,
    PaymentMethod,
    Reason,
    Registration,
    Status,
    decide,
)

PAID = Registration(
    id="reg-1",
    event_id="ev-1",
    status=Status.PAID,
    method=PaymentMethod.STRIPE,
    amount=5000,
    currency="eur",
    places=2,
)
HERE = Offer("ev-1", capacity=10, confirmed=3, held=2, price=2500, currency="eur")
THERE = Offer("ev-2", capacity=6, confirmed=1, held=3, price=2500, currency="eur")


def move(
    registration: Registration = PAID, here: Offer = HERE, there: Offer | None = THERE
) -> Decision:
    fact = MoveRequested(there.event_id if there else "ev-9")
    return decide(registration, here, fact, destination=there)


def places(offer: Offer | None) -> tuple[int, int]:
    assert offer is not None
    return offer.confirmed, offer.held


def test_one_event_loses_what_the_other_gains() -> None:
    decision = move()
    assert (decision.outcome, decision.reason) == (Outcome.APPLIED, Reason.MOVED)
    assert decision.registration == replace(PAID, event_id="ev-2")
    assert places(decision.offer) == (1, 2)
    assert places(decision.destination) == (3, 3)
    assert decision.mails == (MailKind.MOVED,)
    assert decision.noted


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING])
def test_held_places_stay_held(status: Status) -> None:
    decision = move(replace(PAID, status=status, method=PaymentMethod.CHEQUE))
    assert places(decision.offer) == (3, 0)
    assert places(decision.destination) == (1, 5)


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (move(there=None), Reason.MOVE_TO_NOWHERE),
        (move(there=HERE), Reason.MOVE_TO_NOWHERE),
        (move(there=replace(THERE, cancelled=True)), Reason.MOVE_TO_NOWHERE),
        (move(here=replace(HERE, cancelled=True)), Reason.MOVE_OUT_OF_CANCELLED),
        (move(there=replace(THERE, price=2400)), Reason.MOVE_TO_OTHER_PRICE),
        (move(there=replace(THERE, currency="usd")), Reason.MOVE_TO_OTHER_PRICE),
        (move(there=replace(THERE, capacity=5)), Reason.MOVE_WITHOUT_ROOM),
        (move(replace(PAID, status=Status.CANCELLED)), Reason.MOVE_WITHOUT_PLACE),
        (move(replace(PAID, status=Status.EXPIRED)), Reason.MOVE_WITHOUT_PLACE),
        (move(replace(PAID, status=Status.PENDING)), Reason.MOVE_WHILE_PAYING),
        (move(replace(PAID, open_session="cs_1")), Reason.MOVE_WHILE_PAYING),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(decision: Decision, reason: Reason) -> None:
    assert (decision.outcome, decision.reason) == (Outcome.REJECTED, reason)
    assert decision.registration.event_id == "ev-1"
    assert decision.destination is None
    assert not decision.mails
    assert not decision.noted


def test_without_a_limit_there_is_always_room() -> None:
    assert move(there=replace(THERE, capacity=None)).outcome is Outcome.APPLIED


wishes = st.tuples(
    st.integers(0, 5),
    st.one_of(
        st.builds(MoveRequested, st.sampled_from(["ev-1", "ev-2", "ev-3"])),
        st.builds(CancelRequested, st.booleans()),
        st.just(MarkedPaid()),
    ),
)
families = st.lists(
    st.builds(
        lambda places, event: (places, event),
        st.integers(1, 3),
        st.sampled_from(["ev-1", "ev-2", "ev-3"]),
    ),
    min_size=6,
    max_size=6,
)
capacities = st.lists(st.one_of(st.none(), st.integers(3, 9)), min_size=3, max_size=3)


@given(families, capacities, st.lists(wishes, max_size=25))
def test_however_families_are_moved_about_no_event_is_oversold_or_counted_wrong(
    wanted: list[tuple[int, str]], limits: list[int | None], stream: list[tuple[int, Fact]]
) -> None:
    offers = {
        f"ev-{n}": Offer(f"ev-{n}", limit, 0, 0, price=1000, currency="eur")
        for n, limit in enumerate(limits, start=1)
    }
    registrations = _seated(wanted, offers)
    for number, fact in stream:
        before = registrations[number]
        there = offers.get(fact.event_id) if isinstance(fact, MoveRequested) else None
        decision = decide(before, offers[before.event_id], fact, destination=there)
        registrations[number] = decision.registration
        for offer in (decision.offer, decision.destination):
            if offer is not None:
                offers[offer.event_id] = offer
        for offer in offers.values():
            here = [one for one in registrations if one.event_id == offer.event_id]
            assert offer.confirmed == sum(one.confirmed for one in here)
            assert offer.held == sum(one.held for one in here)
            assert offer.capacity is None or offer.confirmed + offer.held <= offer.capacity


def _seated(wanted: list[tuple[int, str]], offers: dict[str, Offer]) -> list[Registration]:
    """Each family as it registered with a cheque; who found no room is cancelled at once."""
    registrations = []
    for number, (count, event) in enumerate(wanted):
        one = replace(
            PAID,
            id=f"reg-{number}",
            event_id=event,
            status=Status.PENDING,
            method=PaymentMethod.CHEQUE,
            places=count,
            amount=1000 * count,
        )
        if offers[event].seats(one):
            offers[event] = offers[event].having(one)
        else:
            one = replace(one, status=Status.CANCELLED)
        registrations.append(one)
    return registrations
