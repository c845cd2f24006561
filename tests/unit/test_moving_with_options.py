"""Who has chosen a price option is moved only to one like it, at the price that was agreed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inscrit.registrations.lifecycle import (
    Decision,
    MoveRequested,
    Offer,
    Option,
    Outcome,
    PaymentMethod,
    Reason,
    Registration,
    Status,
    decide,
)

ADULT, CHILD = Option("a1", 10, 3, "Adulte", 1500), Option("c1", 5, 2, "Enfant", 800)
FAMILY = Registration(
    id="reg-1",
    event_id="ev-1",
    status=Status.PAID,
    method=PaymentMethod.STRIPE,
    amount=3100,
    currency="eur",
    places=3,
    options=(("a1", 1), ("c1", 2)),
    prices=(("a1", 1500), ("c1", 800)),
)
HERE = Offer("ev-1", 10, 3, 2, currency="eur", options=(ADULT, CHILD))
THERE = Offer(
    "ev-2",
    10,
    0,
    0,
    currency="eur",
    options=(Option("a2", None, 0, "Adulte", 1500), Option("c2", 2, 0, "Enfant", 800)),
)


def move(registration: Registration = FAMILY, here: Offer = HERE, there: Offer = THERE) -> Decision:
    return decide(registration, here, MoveRequested(there.event_id), destination=there)


def taken(offer: Offer | None) -> dict[str, int]:
    assert offer is not None
    return {option.id: option.taken for option in offer.options}


def with_option(offer: Offer, number: int, **said: object) -> Offer:
    options = list(offer.options)
    options[number] = replace(options[number], **said)
    return replace(offer, options=tuple(options))


def test_each_option_is_exchanged_and_both_are_counted() -> None:
    decision = move()
    assert decision.outcome is Outcome.APPLIED
    assert decision.registration.options == (("a2", 1), ("c2", 2))
    assert decision.exchanged == (("a1", "a2"), ("c1", "c2"))
    assert taken(decision.offer) == {"a1": 2, "c1": 0}
    assert taken(decision.destination) == {"a2": 1, "c2": 2}


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (with_option(THERE, 1, name="Fratrie"), Reason.MOVE_TO_OTHER_OPTIONS),
        (with_option(THERE, 1, price=900), Reason.MOVE_TO_OTHER_OPTIONS),
        (with_option(THERE, 1, active=False), Reason.MOVE_TO_OTHER_OPTIONS),
        (replace(THERE, options=(), price=1000), Reason.MOVE_TO_OTHER_OPTIONS),
        (replace(THERE, currency="usd"), Reason.MOVE_TO_OTHER_PRICE),
        (with_option(THERE, 1, quota=1), Reason.MOVE_WITHOUT_ROOM),
        (replace(THERE, capacity=2), Reason.MOVE_WITHOUT_ROOM),
    ],
)
def test_it_stays_where_a_price_would_not_be_kept_or_there_is_no_room(
    there: Offer, reason: Reason
) -> None:
    decision = move(there=there)
    assert (decision.outcome, decision.reason) == (Outcome.REJECTED, reason)
    assert (decision.registration, decision.destination) == (FAMILY, None)


def test_who_has_one_price_is_not_moved_to_an_event_of_several() -> None:
    plain = replace(FAMILY, options=(), prices=(), amount=4500)
    assert move(plain).reason is Reason.MOVE_TO_OTHER_OPTIONS
    retired = with_option(with_option(THERE, 0, active=False), 1, active=False)
    assert move(plain, there=replace(retired, price=1500)).outcome is Outcome.APPLIED


def test_the_price_that_was_agreed_counts_not_what_it_costs_now() -> None:
    dearer = with_option(HERE, 0, price=1800)
    assert move(here=dearer).outcome is Outcome.APPLIED
    assert move(here=dearer, there=with_option(THERE, 0, price=1800)).outcome is Outcome.REJECTED


names, prices = st.sampled_from(["Adulte", "Enfant"]), st.sampled_from([0, 800])
options = st.lists(st.tuples(names, prices, st.none() | st.integers(0, 3)), max_size=4, unique=True)


@given(options, st.lists(st.tuples(names, prices), min_size=1, max_size=3))
def test_no_place_gets_lost_and_no_quota_is_passed(
    offered: list[tuple[str, int, int | None]], seats: list[tuple[str, int]]
) -> None:
    kinds = sorted(set(seats))
    here = tuple(Option(f"h{n}", None, seats.count(k), *k) for n, k in enumerate(kinds))
    there = tuple(
        Option(f"t{n}", quota, 0, name, price) for n, (name, price, quota) in enumerate(offered)
    )
    family = replace(
        FAMILY,
        places=len(seats),
        amount=sum(price for _, price in seats),
        options=tuple((option.id, option.taken) for option in here),
        prices=tuple((option.id, option.price) for option in here),
    )
    was = Offer("ev-1", None, len(seats), 0, currency="eur", options=here)
    decision = move(family, was, Offer("ev-2", None, 0, 0, currency="eur", options=there))
    if decision.destination is None:
        assert decision.offer == was
        return
    assert set(taken(decision.offer).values()) == {0}
    assert sum(taken(decision.destination).values()) == len(seats)
    prices_there = {option.id: option.price for option in there}
    moved = decision.registration.options
    assert sum(prices_there[id_] * count for id_, count in moved) == family.amount
    for option in decision.destination.options:
        assert option.quota is None or option.taken <= option.quota
