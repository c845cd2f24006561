"""Whatever arrives, in whatever order and however often, the money comes out right."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inscrit.registrations.ledger import Ledger, Report
from inscrit.registrations.lifecycle import (
    CONFIRMED,
    HOLDING,
    LAPSED,
    REFUND_REASONS,
    WITHDRAWN,
    CancelRequested,
    ChargeRefunded,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutUnavailable,
    DelayedPaymentFailed,
    DisputeChanged,
    DisputeStatus,
    Fact,
    LatePayment,
    LostDispute,
    MailKind,
    MarkedPaid,
    MoneyGivenBack,
    Offer,
    Option,
    Outcome,
    PaymentAttemptFailed,
    PaymentMethod,
    PaymentStatus,
    PaymentSucceeded,
    RefundChanged,
    RefundRequested,
    RefundStatus,
    Registration,
    Resolution,
    ReviewResolved,
    Status,
    decide,
    may_give_places,
)

START = Registration(
    id="reg-1",
    event_id="ev-1",
    status=Status.PENDING,
    method=PaymentMethod.STRIPE,
    amount=5000,
    currency="eur",
    places=2,
    open_session="cs_1",
    options=(("opt-a", 1), ("opt-b", 1)),
)
ROOMY = Offer("ev-1", capacity=10, confirmed=3, held=2)
ENDED = (Status.REFUNDED, Status.CANCELLED)

amounts = st.sampled_from([5000, 5000, 5000, 4000])
sessions = st.sampled_from(["cs_1", "cs_2"])
payments = st.sampled_from(["pi_1", "pi_2"])
facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        CheckoutCompleted,
        sessions,
        payments,
        amounts,
        st.just("eur"),
        st.booleans(),
        st.just(False),
    ),
    st.builds(DelayedPaymentFailed, sessions, payments, amounts, st.just("eur"), st.just(False)),
    st.builds(PaymentSucceeded, payments, amounts, st.just("eur"), st.just(False)),
    st.builds(PaymentAttemptFailed, payments, st.just(False)),
    st.builds(CheckoutExpired, st.one_of(st.none(), sessions)),
    st.builds(CancelRequested, st.just(True)),
    st.builds(RefundRequested, st.one_of(st.none(), st.integers(-10, 6000))),
    st.builds(ChargeRefunded, payments, st.sampled_from([1000, 5000])),
    st.just(CheckoutUnavailable()),
    st.builds(
        RefundChanged,
        payments,
        st.sampled_from(["re_1", "re_2"]),
        st.sampled_from([1000, 5000]),
        st.sampled_from([RefundStatus.PENDING, RefundStatus.SUCCEEDED, RefundStatus.FAILED]),
    ),
    st.builds(
        DisputeChanged,
        payments,
        st.sampled_from(["dp_1", "dp_2"]),
        st.just(5000),
        st.sampled_from(DisputeStatus),
    ),
    st.builds(ReviewResolved, st.sampled_from(Resolution)),
    st.builds(MoneyGivenBack, st.one_of(st.none(), st.integers(-10, 6000))),
)
offers = st.builds(
    Offer,
    st.just("ev-1"),
    st.one_of(st.none(), st.integers(5, 12)),
    st.just(3),
    st.just(2),
    st.sampled_from(LatePayment),
    st.booleans(),
    st.sampled_from(LostDispute),
)


def told(
    stream: list[Fact], offer: Offer = ROOMY
) -> tuple[Registration, Offer, list[MailKind], dict[str, int]]:
    """Where a stream of facts leads, with the mails sent and the money ordered back."""
    registration = START
    mails: list[MailKind] = []
    ordered = {"pi_1": 0, "pi_2": 0}
    for fact in stream:
        decision = decide(registration, offer, fact, livemode=False)
        registration, offer = decision.registration, decision.offer
        mails.extend(decision.mails)
        for order in decision.refunds:
            ordered[order.payment] += order.amount
            assert order.reason in REFUND_REASONS
    return registration, offer, mails, ordered


@given(st.lists(facts, max_size=12), offers)
def test_every_payment_is_seated_or_returned_or_flagged(stream: list[Fact], offer: Offer) -> None:
    registration, _, _, _ = told(stream, offer)
    for payment in registration.payments:
        if payment.status is not PaymentStatus.SUCCEEDED:
            continue
        seated = registration.status is Status.PAID and payment.settles
        returned = payment.refund_ordered + payment.lost >= payment.amount
        with_the_bank = any(dispute.status in WITHDRAWN for dispute in payment.disputes)
        decided = payment.resolution is not None
        assert seated or returned or with_the_bank or decided or registration.review


@given(st.lists(facts, max_size=12), offers)
def test_the_counters_follow_the_registration_and_the_event_is_never_oversold(
    stream: list[Fact], offer: Offer
) -> None:
    registration, left, _, _ = told(stream, offer)
    assert left.confirmed == 3 + registration.confirmed
    assert left.held == registration.held
    assert left.capacity is None or left.confirmed + left.held <= left.capacity


@given(st.lists(facts, max_size=12), offers)
def test_a_registration_is_confirmed_by_at_most_one_mail(stream: list[Fact], offer: Offer) -> None:
    """By itself: a person may accept money of one that was paid and cancelled before.

    It is the same message then, which the outbox has once.
    """
    stream = [fact for fact in stream if fact != ReviewResolved(Resolution.ACCEPT)]
    _, _, mails, _ = told(stream, offer)
    assert mails.count(MailKind.CONFIRMED) <= 1


@given(st.lists(facts, max_size=12), offers)
def test_no_more_is_ordered_back_than_was_paid(stream: list[Fact], offer: Offer) -> None:
    registration, _, _, ordered = told(stream, offer)
    for key, amount in ordered.items():
        payment = registration.payment(key)
        assert amount == 0 or (payment is not None and amount <= payment.refund_ordered)
        if payment and payment.status is PaymentStatus.SUCCEEDED:
            assert payment.refund_ordered <= max(payment.amount, payment.refunded)


@given(st.lists(facts, max_size=10), offers)
def test_paid_goes_down_only_by_a_refund_or_a_cancellation(
    stream: list[Fact], offer: Offer
) -> None:
    registration = START
    for fact in stream:
        decision = decide(registration, offer, fact, livemode=False)
        if registration.status is Status.PAID and decision.registration.status is not Status.PAID:
            assert isinstance(fact, ChargeRefunded | RefundChanged | CancelRequested) or (
                isinstance(fact, DisputeChanged) and fact.status is DisputeStatus.LOST
            )
            assert decision.registration.status in ENDED
        registration, offer = decision.registration, decision.offer


@given(st.lists(facts, max_size=10), offers, st.data())
def test_a_fact_told_again_changes_nothing_more(
    stream: list[Fact], offer: Offer, data: st.DataObject
) -> None:
    """Stripe's facts; a person's second wish is a second wish."""
    wishes = (RefundRequested, ReviewResolved, MoneyGivenBack)
    stream = [fact for fact in stream if not isinstance(fact, wishes)]
    if not stream:
        return
    registration, offer, _, _ = told(stream, offer)
    again = data.draw(st.sampled_from(stream))
    decision = decide(registration, offer, stream[-1], livemode=False)
    assert decision.registration == registration
    assert not decision.mails
    assert not decision.refunds
    later = decide(registration, offer, again, livemode=False)
    assert MailKind.CONFIRMED not in later.mails or registration.status not in (
        Status.PAID,
        *ENDED,
    )


@given(st.lists(st.one_of(facts, st.just(MarkedPaid())), max_size=12), offers)
def test_what_was_paid_by_hand_is_ours_or_flagged_or_given_back(
    stream: list[Fact], offer: Offer
) -> None:
    """Unless a person has looked at it, and left it as it is."""
    stream = [fact for fact in stream if not isinstance(fact, ReviewResolved)]
    registration = replace(START, method=PaymentMethod.CHEQUE, open_session=None)
    for fact in stream:
        before = registration
        decision = decide(registration, offer, fact, livemode=False)
        registration, offer = decision.registration, decision.offer
        assert 0 <= registration.amount_refunded <= registration.amount
        if isinstance(fact, MoneyGivenBack) and decision.outcome is Outcome.APPLIED:
            assert registration.amount_refunded > before.amount_refunded
            assert not decision.mails
        if registration.left_by_hand:
            assert registration.status is Status.PAID or registration.review
        elif registration.is_paid_by_hand and not registration.kept_payments:
            assert registration.status is not Status.PAID
            assert registration.review != "cancelled_without_refund"


stripe_stories = st.sampled_from(
    [
        # What Stripe really sends for one session, in any order and any number.
        [
            PaymentAttemptFailed("pi_1", livemode=False),
            PaymentSucceeded("pi_1", 5000, "eur", livemode=False),
            CheckoutCompleted("cs_1", "pi_1", 5000, "eur", paid=True, livemode=False),
        ],
        [
            CheckoutCompleted("cs_1", "pi_1", 5000, "eur", paid=False, livemode=False),
            CheckoutCompleted("cs_1", "pi_1", 5000, "eur", paid=True, livemode=False),
            PaymentSucceeded("pi_1", 5000, "eur", livemode=False),
        ],
        [
            CheckoutCompleted("cs_1", "pi_1", 5000, "eur", paid=False, livemode=False),
            PaymentAttemptFailed("pi_1", livemode=False),
            DelayedPaymentFailed("cs_1", "pi_1", 5000, "eur", livemode=False),
        ],
        [
            CheckoutExpired("cs_2", livemode=False),
            CheckoutCompleted("cs_1", "pi_1", 5000, "eur", paid=True, livemode=False),
            ChargeRefunded("pi_1", 2000),
            ChargeRefunded("pi_1", 5000),
        ],
        [
            CheckoutCompleted("cs_1", "pi_1", 5000, "eur", paid=True, livemode=False),
            CheckoutCompleted("cs_2", "pi_2", 5000, "eur", paid=True, livemode=False),
        ],
        [CheckoutExpired("cs_1", livemode=False), CheckoutExpired(None)],
    ]
)


def money(stream: list[Fact]) -> tuple[object, ...]:
    """How a stream of facts ends for the purse: which of two payments is kept is left open."""
    registration, offer, _, ordered = told(stream)
    succeeded = [p for p in registration.payments if p.status is PaymentStatus.SUCCEEDED]
    kept = sum(p.amount - max(ordered[p.key], p.refunded) for p in succeeded)
    return registration.status, registration.amount_refunded, kept, offer


@given(stripe_stories, st.data())
def test_any_order_and_repetition_of_the_same_facts_ends_in_the_same_money(
    story: list[Fact], data: st.DataObject
) -> None:
    repeated = story + data.draw(st.lists(st.sampled_from(story), max_size=4))
    shuffled = data.draw(st.permutations(repeated))
    assert money(shuffled) == money(story)


@given(st.lists(facts, max_size=12), offers, st.integers(1, 2))
def test_folding_a_batch_equals_applying_one_by_one(
    stream: list[Fact], offer: Offer, quota: int
) -> None:
    offer = replace(offer, options=(Option("opt-a", quota, 1), Option("opt-b", None, 4)))
    one_by_one, left, _, _ = told(stream, offer)
    ledger = ledger_of(START, offer)
    for fact in stream:
        ledger.apply(Report(fact, "test", START.id))
    untouched: dict[str, object] = {"status": START.status, "review": START.review}
    (row,) = rows(ledger, "UPDATE registrations_registration") or [untouched]
    assert (row["status"], row["review"]) == (one_by_one.status, one_by_one.review)
    moved = rows(ledger, "UPDATE events_event") or [{"confirmed": 0, "held": 0}]
    assert moved[0]["confirmed"] == left.confirmed - offer.confirmed
    assert moved[0]["held"] == left.held - offer.held
    taken = {row["id"]: row["taken"] for row in rows(ledger, "UPDATE events_priceoption")}
    for before, after in zip(offer.options, left.options, strict=True):
        assert taken.get(before.id, 0) == after.taken - before.taken
    written = {row["key"]: row for row in rows(ledger, "INSERT INTO payments_payment")}
    assert written.keys() == {payment.key for payment in one_by_one.payments}


@given(
    st.lists(facts, max_size=8),
    st.lists(facts.filter(lambda fact: not may_give_places([], [fact])), min_size=1, max_size=4),
    st.sampled_from(LatePayment),
)
def test_money_for_who_has_places_does_not_ask_how_many_are_left(
    past: list[Fact], arriving: list[Fact], policy: LatePayment
) -> None:
    """So that nobody need keep others from taking places until it is decided."""
    full = Offer("ev-1", 5, 3, 2, policy)
    registration, _, _, _ = told(past, full)
    if may_give_places([registration], arriving):
        assert registration.status not in HOLDING | CONFIRMED
        return
    one, other = (registration, full), (registration, Offer("ev-1", None, 3, 2, policy))
    for fact in arriving:
        decisions = [decide(*each, fact, livemode=False) for each in (one, other)]
        one, other = ((each.registration, each.offer) for each in decisions)
        first, second = (replace(each, offer=full) for each in decisions)
        assert first == second


@pytest.mark.parametrize(
    "fact",
    [
        CheckoutExpired("cs_1"),
        DelayedPaymentFailed("cs_1", "pi_1", 5000, "eur", livemode=False),
    ],
)
def test_places_that_lapse_may_be_given_again_in_the_same_batch(fact: Fact) -> None:
    assert decide(START, ROOMY, fact, livemode=False).registration.status in LAPSED
    assert may_give_places([START], [fact])


def ledger_of(registration: Registration, offer: Offer) -> Ledger:
    ledger = Ledger(livemode=False)
    r = registration
    about = (r.id, r.event_id, r.status, r.method, r.amount, r.currency, r.places)
    more = (None, 0, "", r.offered, r.promised, json.dumps(dict(r.options)), r.by_hand)
    ledger.reading([(*about, *more)])
    ledger.take(
        [
            (
                offer.event_id,
                offer.capacity,
                offer.confirmed,
                offer.held,
                offer.late_payment,
                offer.cancelled,
                offer.lost_dispute,
            )
        ],
        [],
        [(r.id, "cs_1", "open")],
        [],
        [],
        [(offer.event_id, one.id, one.quota, one.taken) for one in offer.options],
    )
    return ledger


def rows(ledger: Ledger, beginning: str) -> list[dict[str, object]]:

    for statement in ledger.writing():
        if statement.query.lstrip().startswith(beginning):
            found: list[dict[str, object]] = json.loads(statement.parameters["rows"])
            return found
    return []


def test_the_outcome_words_are_those_of_the_inbox() -> None:
    assert {str(outcome) for outcome in Outcome} == {
        "applied",
        "duplicate",
        "ignored",
        "unmatched",
        "rejected",
        "failed",
    }
