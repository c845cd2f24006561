"""Whatever arrives, in whatever order and however often, the money comes out right."""

from hypothesis import given
from hypothesis import strategies as st

from inscrit.registrations.ledger import Ledger, Report
from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutUnavailable,
    DelayedPaymentFailed,
    Fact,
    LatePayment,
    MailKind,
    Offer,
    Outcome,
    PaymentAttemptFailed,
    PaymentMethod,
    PaymentStatus,
    PaymentSucceeded,
    RefundReported,
    RefundRequested,
    Registration,
    Status,
    decide,
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
    st.builds(RefundReported, payments, st.sampled_from([1000, 5000])),
    st.just(CheckoutUnavailable()),
)
offers = st.builds(
    Offer,
    st.just("ev-1"),
    st.one_of(st.none(), st.integers(5, 12)),
    st.just(3),
    st.just(2),
    st.sampled_from(LatePayment),
    st.booleans(),
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
    return registration, offer, mails, ordered


@given(st.lists(facts, max_size=12), offers)
def test_every_payment_is_seated_or_returned_or_flagged(stream: list[Fact], offer: Offer) -> None:
    registration, _, _, _ = told(stream, offer)
    for payment in registration.payments:
        if payment.status is not PaymentStatus.SUCCEEDED:
            continue
        seated = registration.status is Status.PAID and payment.settles
        returned = max(payment.refund_ordered, payment.refunded) >= payment.amount
        assert seated or returned or registration.review


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
    _, _, mails, _ = told(stream, offer)
    assert mails.count(MailKind.CONFIRMED) <= 1


@given(st.lists(facts, max_size=12), offers)
def test_no_more_is_ordered_back_than_was_paid(stream: list[Fact], offer: Offer) -> None:
    registration, _, _, ordered = told(stream, offer)
    for key, amount in ordered.items():
        payment = registration.payment(key)
        assert amount == 0 or (payment is not None and amount <= payment.refund_ordered)
        assert payment is None or payment.refund_ordered <= payment.amount


@given(st.lists(facts, max_size=10), offers)
def test_paid_goes_down_only_by_a_refund_or_a_cancellation(
    stream: list[Fact], offer: Offer
) -> None:
    registration = START
    for fact in stream:
        decision = decide(registration, offer, fact, livemode=False)
        if registration.status is Status.PAID and decision.registration.status is not Status.PAID:
            assert isinstance(fact, RefundReported | CancelRequested)
            assert decision.registration.status in ENDED
        registration, offer = decision.registration, decision.offer


@given(st.lists(facts, max_size=10), offers, st.data())
def test_a_fact_told_again_changes_nothing_more(
    stream: list[Fact], offer: Offer, data: st.DataObject
) -> None:
    """Stripe's facts; a second request for a refund is a second request."""
    stream = [fact for fact in stream if not isinstance(fact, RefundRequested)]
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
            RefundReported("pi_1", 2000),
            RefundReported("pi_1", 5000),
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


@given(st.lists(facts, max_size=12), offers)
def test_folding_a_batch_equals_applying_one_by_one(stream: list[Fact], offer: Offer) -> None:
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
    written = {row["key"]: row for row in rows(ledger, "INSERT INTO payments_payment")}
    assert written.keys() == {payment.key for payment in one_by_one.payments}


def ledger_of(registration: Registration, offer: Offer) -> Ledger:
    ledger = Ledger(livemode=False)
    r = registration
    ledger.reading(
        [(r.id, r.event_id, r.status, r.method, r.amount, r.currency, r.places, None, 0)]
    )
    ledger.take(
        [
            (
                offer.event_id,
                offer.capacity,
                offer.confirmed,
                offer.held,
                offer.late_payment,
                offer.cancelled,
            )
        ],
        [],
        [(r.id, "cs_1", "open")],
    )
    return ledger


def rows(ledger: Ledger, beginning: str) -> list[dict[str, object]]:
    import json

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
