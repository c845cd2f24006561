"""What Stripe is asked to charge is what the registration costs, to the cent."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from inscrit.backoffice.amounts import DEAREST
from inscrit.events.models import Event
from inscrit.payments.checkout import session_params
from inscrit.payments.line_items import lines, lines_of
from inscrit.payments.models import CheckoutSession
from inscrit.registrations.models import Participant, Registration

CURRENCIES = ("eur", "usd", "jpy", "bhd", "xof")
seats = st.lists(
    st.tuples(st.sampled_from(["", "Adulte", "Enfant", "Fratrie"]), st.integers(0, DEAREST)),
    min_size=1,
    max_size=20,
)


@given(seats)
def test_the_lines_add_up_whatever_the_mix(chosen: list[tuple[str, int]]) -> None:
    found = lines(chosen)
    assert sum(line.price * line.quantity for line in found) == sum(price for _, price in chosen)
    assert sum(line.quantity for line in found) == len(chosen)
    assert {(line.option, line.price): line.quantity for line in found} == Counter(chosen)


@given(st.integers(1, 20), st.integers(0, DEAREST))
def test_who_registered_before_there_were_options_pays_what_was_said(n: int, price: int) -> None:
    registration = Registration(places=n, amount=n * price)
    people = [Participant(first_name="Lou", last_name="Roy") for _ in range(n)]
    (line,) = lines_of(registration, people)
    assert (line.option, line.price, line.quantity) == ("", price, n)


@given(seats, st.sampled_from(CURRENCIES), st.sampled_from(["fr", "en"]))
def test_stripe_is_asked_for_the_amount_in_the_registrations_currency(
    chosen: list[tuple[str, int]], currency: str, locale: str
) -> None:
    from datetime import UTC, datetime

    amount = sum(price for _, price in chosen)
    registration = Registration(
        id="reg-1",
        event=Event(title="Fête", currency=currency),
        places=len(chosen),
        amount=amount,
        currency=currency,
        locale=locale,
    )
    people = [Participant(option_name=name, price=price) for name, price in chosen]
    registration._prefetched_objects_cache = {"participants": _Prefetched(people)}  # type: ignore[attr-defined]
    attempt = CheckoutSession(attempt=1, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    items = session_params(registration, attempt)["line_items"]
    assert len(items) <= 20
    assert {item["price_data"]["currency"] for item in items} == {currency}
    asked = sum(item["quantity"] * item["price_data"]["unit_amount"] for item in items)
    assert asked == amount


class _Prefetched(list[Participant]):
    """What a prefetch leaves: a manager's ``all()`` answers from it."""

    def all(self) -> "_Prefetched":
        return self
