"""How far back a comparison looks, and how far the next one need not look any more."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# Stripe keeps events for 30 days: https://docs.stripe.com/api/events/list
MONTH = timedelta(days=30)
LONGEST = timedelta(days=365)
# Our Checkout sessions live 31 minutes. What is open beyond that is read by its id.
OVERLAP = timedelta(hours=2)
_SPAN = re.compile(r"([0-9]{1,4})([hd])")


class NoSpan(ValueError):
    """A text that names no span of time; the message says how to write one."""


def span(text: str) -> timedelta:
    """What ``72h`` or ``7d`` means. Raises NoSpan."""
    found = _SPAN.fullmatch(text.strip().lower())
    number = int(found[1]) if found else 0
    length = timedelta(hours=number) if found and found[2] == "h" else timedelta(days=number)
    if not timedelta(0) < length <= LONGEST:
        raise NoSpan(f"{text!r} is no span of time. Write hours or days, up to 365d: 72h or 7d.")
    return length


@dataclass(slots=True)
class Window:
    """``asked`` is a span that a person asked for; else each kind is taken up where it was left,
    and the first time a month back.
    """

    now: datetime
    asked: timedelta | None = None
    cursors: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def after(cls, now: datetime, asked: timedelta | None, cursors: Mapping[str, str]) -> "Window":
        known = {kind: datetime.fromisoformat(moment) for kind, moment in cursors.items()}
        return cls(now, asked, known)

    def start(self, kind: str) -> datetime:
        if self.asked is not None:
            return self.now - self.asked
        return self._left_off(kind) - OVERLAP

    def _left_off(self, kind: str) -> datetime:
        return self.cursors.get(kind, self.now - MONTH)

    def done(self, kind: str) -> None:
        """All of this kind has been looked at. A short look leaves no gap behind it unseen."""
        if self.start(kind) <= self._left_off(kind):
            self.cursors[kind] = self.now

    def as_data(self) -> dict[str, str]:
        return {kind: moment.isoformat() for kind, moment in self.cursors.items()}
