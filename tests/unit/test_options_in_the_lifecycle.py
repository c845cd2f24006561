"""A price option's quota holds on every path that gives a place."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inscrit.registrations.ledger import Ledger
from inscrit.registrations.lifecycle import (
    CONFIRMED,
    HOLDING,
    CancelRequested,
    CheckoutCompleted,
    CheckoutExpired,
    Fact,
    LatePayment,
    MarkedPaid,
    Offer,
    Option,
    PaymentMethod,
    PaymentSucceeded,
    Reason,
    Registration,
    Resolution,
    ReviewResolved,
    Status,
    decide,
)

LAPSED = Registration(
    id="reg-1",
    event_id="ev-1",
    status=Status.EXPIRED,
    method=PaymentMethod.STRIPE,
    amount=2000,
    currency="eur",
    places=2,
    options=(("opt-a", 1), ("opt-b", 1)),
)
FULL = Offer("ev-1", capacity=None, confirmed=1, held=0, options=(Option("opt-a", 1, 1),))
FREED = replace(FULL, options=(Option("opt-a", 1, 0), Option("opt-b", None, 7)))
LATE = PaymentSucceeded("pi_1", 2000, "eur", livemode=False)


def test_a_late_payment_goes_back_when_its_price_is_full() -> None:
    decision = decide(LAPSED, FULL, LATE)
    assert (decision.registration.status, decision.reason) == (
        Status.EXPIRED,
        Reason.LATE_PAYMENT_REFUNDED,
    )
    assert decision.offer == FULL
    assert [order.amount for order in decision.refunds] == [2000]


def test_a_late_payment_is_seated_again_and_counted_while_its_price_has_room() -> None:
    decision = decide(LAPSED, FREED, LATE)
    assert decision.registration.status is Status.PAID
    assert decision.offer.options == (Option("opt-a", 1, 1), Option("opt-b", None, 8))


def test_a_cheque_that_came_late_is_not_accepted_beyond_the_quota() -> None:
    cheque = replace(LAPSED, method=PaymentMethod.CHEQUE)
    refused = decide(cheque, FULL, MarkedPaid())
    assert (refused.registration, refused.reason) == (cheque, Reason.NO_PLACE_LEFT)


def test_a_review_is_not_accepted_beyond_the_quota() -> None:
    offer = replace(FULL, late_payment=LatePayment.REVIEW)
    flagged = decide(LAPSED, offer, LATE).registration
    decision = decide(flagged, offer, ReviewResolved(Resolution.ACCEPT))
    assert (decision.registration, decision.reason) == (flagged, Reason.NO_PLACE_LEFT)


facts: st.SearchStrategy[Fact] = st.sampled_from(
    [
        LATE,
        PaymentSucceeded("pi_2", 2000, "eur", livemode=False),
        CheckoutCompleted("cs_1", "pi_1", 2000, "eur", paid=False, livemode=False),
        CheckoutExpired(None),
        CancelRequested(refund=True),
        CancelRequested(refund=False),
        MarkedPaid(),
        ReviewResolved(Resolution.ACCEPT),
    ]
)
methods = st.sampled_from(PaymentMethod)


@given(
    st.lists(st.tuples(st.integers(0, 3), facts), max_size=30),
    st.lists(methods, min_size=4, max_size=4),
    st.sampled_from(LatePayment),
)
def test_whatever_happens_a_price_is_never_sold_beyond_its_quota(
    story: list[tuple[int, Fact]], ways: list[PaymentMethod], policy: LatePayment
) -> None:
    quota = 3
    family = [
        replace(LAPSED, id=f"reg-{n}", method=way, options=(("opt-a", 2),))
        for n, way in enumerate(ways)
    ]
    offer = Offer("ev-1", None, 0, 0, late_payment=policy, options=(Option("opt-a", quota, 0),))
    for who, fact in story:
        decision = decide(family[who], offer, fact)
        family[who], offer = decision.registration, decision.offer
        (option,) = offer.options
        seated = [one for one in family if one.status in HOLDING | CONFIRMED]
        assert option.taken == 2 * len(seated)
        assert option.taken <= quota


def test_events_without_prices_of_their_own_cost_the_lane_no_statement_more() -> None:
    more = (0, "", False, False)
    plain = ("reg-1", "ev-1", "PENDING", "stripe", 2000, "eur", 2, None, *more, None, False)
    with_one = (
        "reg-2",
        "ev-1",
        "PENDING",
        "stripe",
        2000,
        "eur",
        2,
        None,
        *more,
        '{"opt-a": 2}',
        False,
    )
    without, with_prices = Ledger().reading([plain]), Ledger().reading([plain, with_one])
    assert not any("events_priceoption" in statement.query for statement in without)
    assert len(with_prices) == len(without) + 1
    assert with_prices[-1].parameters == {"options": ["opt-a"], "destinations": []}
