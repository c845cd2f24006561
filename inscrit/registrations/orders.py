"""A request for places, as whoever took it understood it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from .models import PaymentMethod

# A question's id and what was answered.
Replies = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    email: str
    locale: str


@dataclass(frozen=True, slots=True)
class Person:
    """``option``: the id of the price option; without one, the only price there is."""

    first_name: str
    last_name: str
    option: str | None = None
    answers: Replies = ()


@dataclass(frozen=True, slots=True)
class Consenting:
    """Whether a consent was given. ``seal`` tells the wording that was read, where it is known."""

    consent: str
    given: bool
    seal: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """Checked for form only. Without a ``method`` it is the first that the event offers."""

    event_id: str
    contact: Contact
    participants: Sequence[Person]
    method: PaymentMethod | None = None
    idempotency_key: str | None = None
    answers: Replies = ()
    consents: tuple[Consenting, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What an idempotency key stands for: the same request gives the same text."""
        said = (self.event_id, self.contact, tuple(self.participants), self.method)
        text = repr((*said, self.answers, self.consents))
        return hashlib.sha256(text.encode()).hexdigest()
