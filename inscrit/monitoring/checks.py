"""The ways in which each of the five invariants can be broken, in words for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inscrit.money import money

INVARIANTS = (
    "no_oversell",
    "nothing_lost",
    "once",
    "no_money_without_a_place",
    "every_change_is_explained",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One way to break an invariant; the statement of its name in audit.sql finds where it is so.

    ``sentence`` and ``remedy`` are filled in with the columns of the row found.
    """

    invariant: str
    sentence: Promise
    remedy: Promise


CHECKS = {
    "oversold": Check(
        "no_oversell",
        _(
            "The event %(title)s (%(subject)s) has %(expected)s places, and %(found)s are given"
            " away."
        ),
        _(
            "Offer more places, or ask somebody to step back. The journal of the last registrations"
            " tells how it came."
        ),
    ),
    "counters_differ": Check(
        "no_oversell",
        _(
            "The event %(title)s (%(subject)s) counts %(confirmed)s places as confirmed and"
            " %(held)s as held; its registrations confirm %(sum_confirmed)s and hold %(sum_held)s."
        ),
        _("Count them again: inscrit audit --mend-counters. Then open its sales again."),
    ),
    "wanted_differs": Check(
        "no_oversell",
        _(
            "The event %(title)s (%(subject)s) counts %(found)s places as wanted on its waiting"
            " list; those who wait want %(expected)s."
        ),
        _("Count them again: inscrit audit --mend-counters."),
    ),
    "option_wanted_differs": Check(
        "no_oversell",
        _(
            "The price “%(name)s” of the event %(title)s (%(subject)s) counts %(found)s places as"
            " wanted on the waiting list; those who wait want %(expected)s."
        ),
        _("Count them again: inscrit audit --mend-counters."),
    ),
    "option_oversold": Check(
        "no_oversell",
        _(
            "The price “%(name)s” of the event %(title)s (%(subject)s) is for %(expected)s places,"
            " and %(found)s have it."
        ),
        _(
            "Raise how many there may be, or ask somebody to step back. The journal of the last"
            " registrations tells how it came."
        ),
    ),
    "option_counters_differ": Check(
        "no_oversell",
        _(
            "The price “%(name)s” of the event %(title)s (%(subject)s) counts %(found)s places; its"
            " registrations have %(expected)s."
        ),
        _("Count them again: inscrit audit --mend-counters. Then open its sales again."),
    ),
    "event_forgotten": Check(
        "nothing_lost",
        _(
            "The Stripe event %(subject)s (%(type)s) failed by our own fault, and nothing tries it"
            " again."
        ),
        _("Look for it in the log, mend the cause, then: inscrit replay %(subject)s"),
    ),
    "settled_twice": Check(
        "once",
        _("Registration %(subject)s stands on several payments: %(found)s."),
        _("Look in Stripe’s Dashboard which of them was meant, and give the others back."),
    ),
    "confirmed_by_many_mails": Check(
        "once",
        _("Registration %(subject)s has %(found)s confirmations in the outbox."),
        _("Tell the registrant which one counts."),
    ),
    "confirmed_by_no_mail": Check(
        "once",
        _("Registration %(subject)s is %(status)s, and no confirmation was ever queued."),
        _("In the admin, choose the registration and “Send the confirmation”."),
    ),
    "paid_twice": Check(
        "once",
        _("Registration %(subject)s became PAID more than once without a break (%(found)s)."),
        _("Look at its payments in Stripe’s Dashboard: one of them may have to go back."),
    ),
    "payment_without_place": Check(
        "no_money_without_a_place",
        _(
            "The payment %(subject)s of %(money)s succeeded, but its registration"
            " %(registration_id)s is %(status)s, and neither all of it goes back nor does a person"
            " look at it."
        ),
        _("Look at the registration in the admin: give the money back, or accept it."),
    ),
    "paid_without_payment": Check(
        "no_money_without_a_place",
        _("Registration %(subject)s (%(money)s) is PAID by Stripe, but no payment settles it."),
        _("Look for its payment in Stripe’s Dashboard; without one, cancel the registration."),
    ),
    "refund_forgotten": Check(
        "no_money_without_a_place",
        _(
            "A refund of %(money)s for the payment %(key)s (registration %(registration_id)s) has"
            " been waiting for more than a day."
        ),
        _("See that inscrit worker runs, and look in Stripe’s Dashboard whether it was made."),
    ),
    "journal_ends_elsewhere": Check(
        "every_change_is_explained",
        _("Registration %(subject)s is %(found)s, but its journal ends with: %(expected)s."),
        _(
            "Somebody changed it past Inscrit, in the database itself. Find out who and why, and"
            " put it right there."
        ),
    ),
    "journal_has_a_gap": Check(
        "every_change_is_explained",
        _(
            "The journal of registration %(registration_id)s has a gap: entry %(subject)s"
            " (%(to_status)s, %(reason)s) goes on from %(found)s, the one before it ends with"
            " %(expected)s."
        ),
        _(
            "Somebody changed the registration or its journal past Inscrit, in the database itself."
            " Find out who and why."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Breach:
    """Where an invariant does not hold. ``facts`` are plain values: they can be stored as JSON.

    ``subject`` among them is the id of what is concerned; ``expected`` and ``found`` say how it
    should be and how it is.
    """

    check: str
    facts: Mapping[str, Any]

    @property
    def invariant(self) -> str:
        return CHECKS[self.check].invariant

    @property
    def subject(self) -> str:
        return str(self.facts["subject"])

    @property
    def expected(self) -> str:
        return str(self.facts["expected"])

    @property
    def found(self) -> str:
        return str(self.facts["found"])

    @property
    def key(self) -> str:
        """The same as long as it is the same breach."""
        return f"{self.check} {self.subject}"

    @property
    def text(self) -> str:
        """What is wrong, in the language that is active."""
        return str(CHECKS[self.check].sentence) % self._words()

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        return str(CHECKS[self.check].remedy) % self._words()

    def as_data(self) -> dict[str, Any]:
        said = {"text": self.text, "remedy": self.remedy}
        return {"invariant": self.invariant, "check": self.check, **self.facts, **said}

    def _words(self) -> dict[str, Any]:
        words = dict(self.facts)
        if "amount" in words:
            words["money"] = money(words["amount"], words["currency"])
        return words
