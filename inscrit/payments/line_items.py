"""What Stripe is asked to charge: one line for each price, which together are the amount."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from inscrit.registrations.models import Participant, Registration


class Line(NamedTuple):
    """``quantity`` places at the same price; ``option`` is empty where there is but one."""

    option: str
    price: int
    quantity: int


def lines(seats: Iterable[tuple[str, int]]) -> list[Line]:
    """The same option at the same price makes one line; the order is that of the seats."""
    return [Line(*seat, quantity) for seat, quantity in Counter(seats).items()]


def lines_of(registration: Registration, participants: Iterable[Participant]) -> list[Line]:
    """What the participants were given when they registered, whatever it costs now."""
    return lines(_seats(registration, participants))


def _seats(
    registration: Registration, participants: Iterable[Participant]
) -> Iterator[tuple[str, int]]:
    for person in participants:
        # Who registered before there were options has the amount's even share.
        even = registration.amount // registration.places
        yield person.option_name, even if person.price is None else person.price
