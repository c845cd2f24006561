"""One difference between Stripe and us: what it is, what was done, and how a person is told.

What is stored has no language: its sentence is made when somebody reads it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inscrit.money import money


class Kind(StrEnum):
    """Stable words: a label of the metrics, too."""

    PAYMENT_MISSED = "payment_missed"
    PAYMENT_FAILURE_MISSED = "payment_failure_missed"
    PAYMENT_REJECTED = "payment_rejected"
    PAYMENT_DIFFERS = "payment_differs"
    PAYMENT_OVERDUE = "payment_overdue"
    EXPIRY_MISSED = "expiry_missed"
    SESSION_NOT_CLOSED = "session_not_closed"
    HOLD_NOT_FREED = "hold_not_freed"
    REFUND_MISSED = "refund_missed"
    REFUND_NOT_SENT = "refund_not_sent"
    REFUND_OVERDUE = "refund_overdue"
    DISPUTE_MISSED = "dispute_missed"
    UNKNOWN_REGISTRATION = "unknown_registration"
    UNKNOWN_TO_STRIPE = "unknown_to_stripe"
    NOT_APPLIED = "not_applied"


class Result(StrEnum):
    """``flagged``: it is recorded, and a person has to decide on the registration.
    ``open``: it could not be put right.
    """

    HEALED = "healed"
    FLAGGED = "flagged"
    OPEN = "open"


SENTENCES = {
    Kind.PAYMENT_MISSED: gettext_lazy("Stripe has a payment that was not recorded here."),
    Kind.PAYMENT_FAILURE_MISSED: gettext_lazy(
        "A delayed payment has failed at Stripe, and here it was still waited for."
    ),
    Kind.PAYMENT_REJECTED: gettext_lazy(
        "Stripe has a payment that does not fit the registration, and it was not recorded here."
    ),
    Kind.PAYMENT_DIFFERS: gettext_lazy("At Stripe a payment is not what is recorded here."),
    Kind.PAYMENT_OVERDUE: gettext_lazy("A delayed payment has been under way for very long."),
    Kind.EXPIRY_MISSED: gettext_lazy(
        "The Checkout session has ended at Stripe, and its places were still held here."
    ),
    Kind.SESSION_NOT_CLOSED: gettext_lazy(
        "The Checkout session is over, and here it was still open."
    ),
    Kind.HOLD_NOT_FREED: gettext_lazy("The time to pay is over, and the places were still held."),
    Kind.REFUND_MISSED: gettext_lazy(
        "A refund at Stripe was not recorded here, or not as it stands now."
    ),
    Kind.REFUND_NOT_SENT: gettext_lazy("A refund was ordered, and Stripe has not been asked."),
    Kind.REFUND_OVERDUE: gettext_lazy("A refund has been under way for very long."),
    Kind.DISPUTE_MISSED: gettext_lazy(
        "A dispute at Stripe was not recorded here, or not as it stands now."
    ),
    Kind.UNKNOWN_REGISTRATION: gettext_lazy(
        "Stripe has a payment for a registration that does not exist here."
    ),
    Kind.UNKNOWN_TO_STRIPE: gettext_lazy("Stripe does not know what is recorded here."),
    Kind.NOT_APPLIED: gettext_lazy("What Stripe says could not be applied here; the log says why."),
}

RESULTS = {
    Result.HEALED: gettext_lazy("Put right"),
    Result.FLAGGED: gettext_lazy("Recorded, a person has to decide"),
    Result.OPEN: gettext_lazy("A person has to look"),
}
WISHES = {
    Result.HEALED: gettext_lazy("It would be put right"),
    Result.FLAGGED: gettext_lazy("It would be recorded for a person to decide"),
    Result.OPEN: gettext_lazy("A person has to look"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. ``subject`` is Stripe's id of what differs, or ours if Stripe has none.

    ``stripe`` and ``ours`` say how it stands there and here: ``status``, ``paid``, ``amount`` and
    ``refunded`` in minor units of ``currency``. ``done`` is in the words of the journal.
    ``known``: an earlier run told it already, and it is still so.
    """

    kind: Kind
    subject: str
    registration: str = ""
    stripe: Mapping[str, Any] = field(default_factory=dict)
    ours: Mapping[str, Any] = field(default_factory=dict)
    result: Result = Result.HEALED
    done: tuple[str, ...] = ()
    known: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject

    @property
    def needs_person(self) -> bool:
        return self.result is not Result.HEALED

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Finding":
        typed = {
            "kind": Kind(data["kind"]),
            "result": Result(data["result"]),
            "done": tuple(data["done"]),
        }
        return cls(**{**data, **typed})

    def as_text(self, *, dry_run: bool = False) -> str:
        """One line in plain words, in the language that is being spoken."""
        return _("%(about)s: %(what)s %(done)s") % {
            "about": self.registration or self.subject,
            "what": self.sentence,
            "done": self._ending(dry_run=dry_run),
        }

    @property
    def sentence(self) -> str:
        """What differs, and how it stands there and here."""
        return " ".join((str(SENTENCES[self.kind]), *self._sides()))

    @property
    def result_in_words(self) -> str:
        return str(RESULTS[self.result])

    def _sides(self) -> Iterator[str]:
        if self.stripe:
            words = ", ".join(_words(self.stripe))
            yield _("At Stripe: %(words)s (%(id)s).") % {"words": words, "id": self.subject}
        elif self.subject != self.registration:
            yield f"({self.subject})"
        if self.ours:
            yield _("Here: %(words)s.") % {"words": ", ".join(_words(self.ours))}

    def _ending(self, *, dry_run: bool) -> str:
        phrase = (WISHES if dry_run else RESULTS)[self.result]
        return f"{phrase} ({', '.join(self.done)})." if self.done else f"{phrase}."


def _words(side: Mapping[str, Any]) -> Iterator[str]:
    yield str(side["status"])
    if "paid" in side:
        yield _("paid") if side["paid"] else _("not paid yet")
    if "amount" in side:
        yield money(side["amount"], side["currency"])
    if side.get("refunded"):
        yield _("%(amount)s returned") % {"amount": money(side["refunded"], side["currency"])}
