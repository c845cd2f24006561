"""What a person at the desk can do with a registration: report a fact about it."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django import forms
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.deeds import Deed, Prospect, Refused
from inscrit.money import money

from . import services
from .consequences import consequences
from .explanations import explain
from .ledger import Entry, Report
from .lifecycle import (
    HOLDING,
    LAPSED,
    WITHDRAWN,
    DisputeStatus,
    Fact,
    MarkedPaid,
    Outcome,
    Reason,
)
from .models import PaymentMethod, Registration


def actor(request: HttpRequest) -> str:
    """How the journal names the person at the desk."""
    return f"admin:{request.user.get_username()}"[:80]


def reported(request: HttpRequest, registration: Registration, fact: Fact) -> str | None:
    """Report a fact; why it could not be applied, or None."""
    (entry,) = services.report(Report(fact, actor(request), registration.pk))
    if entry is None or entry.decision.outcome is not Outcome.REJECTED:
        return None
    reason = entry.decision.reason
    return gettext("not possible (%(why)s)") % {"why": f"{explain(reason).what} {reason}"}


def prospects(fact: Fact, registrations: Iterable[Registration]) -> list[Prospect]:
    """What will come of a fact for each registration, or why it can't be reported of it."""
    reports = (Report(fact, "", registration.pk) for registration in registrations)
    return [prospect(entry) for entry in services.foresee(*reports) if entry is not None]


def foresee(registration: Registration, *facts: Fact) -> list[Entry]:
    """What each of these facts would lead to."""
    reports = (Report(fact, "", registration.pk) for fact in facts)
    return [entry for entry in services.foresee(*reports) if entry is not None]


def prospect(entry: Entry) -> Prospect:
    """What a decision would change, or why nothing would be changed."""
    if entry.decision.outcome is not Outcome.APPLIED:
        return Prospect(refusal=why_not(entry))
    return Prospect(consequences(entry.before, entry.decision))


def why_not(entry: Entry) -> str:
    reason = entry.decision.reason
    disputes = [one.status for payment in entry.before.payments for one in payment.disputes]
    if reason is Reason.NOTHING_TO_REFUND and entry.before.left_by_hand:
        return gettext(
            "It was paid by hand. Give it back yourselves, then note it with “The money was given"
            " back by hand”."
        )
    if reason is Reason.NOTHING_TO_REFUND and not entry.before.payments:
        return gettext("No money was recorded that could be given back.")
    if reason is Reason.NOTHING_TO_REFUND and DisputeStatus.LOST in disputes:
        return gettext("The buyer has got this money back from the bank.")
    if reason is Reason.NOTHING_TO_REFUND and not WITHDRAWN.isdisjoint(disputes):
        return gettext("The bank holds this money until it has decided about the dispute.")
    return str(explain(reason).what)


def about(registration: Registration) -> str:
    """What a person knows a registration by."""
    amount = money(registration.amount, registration.currency)
    status = registration.get_status_display()
    return f"{registration.contact_name} · {registration.event} · {status} · {amount}"


class OfRegistration(Deed[Registration]):
    def about(self, one: Registration) -> str:
        return about(one)


class Reported(OfRegistration):
    """A fact, reported from the registration's own page. ``done`` tells that it was."""

    done: Promise

    @abstractmethod
    def fact(self, _form: forms.Form | None) -> Fact:
        """What is reported, with what was filled in."""

    def prospect(self, one: Registration, _data: QueryDict | None = None) -> Prospect:
        (entry,) = foresee(one, self.fact(None))
        return prospect(entry)

    def act(
        self, request: HttpRequest, one: Registration, form: forms.Form | None
    ) -> Sequence[str]:
        (entry,) = services.report(Report(self.fact(form), actor(request), one.pk))
        if entry is None:
            raise Registration.DoesNotExist
        if entry.decision.outcome is Outcome.REJECTED:
            raise Refused(why_not(entry))
        return [str(self.done), *consequences(entry.before, entry.decision)]

    @contextmanager
    def alone(self, one: Registration) -> Iterator[None]:
        """Under the registration's lock, so that pressing twice does it once."""
        with transaction.atomic():
            Registration.objects.select_for_update(no_key=True).get(pk=one.pk)
            yield


class MarkPaid(Reported):
    name = "mark-paid"
    label = _("The money has come: mark paid")
    question = _("Has the money come?")
    done = _("The payment is noted.")

    def is_offered(self, one: Registration) -> bool:
        return one.payment_method != PaymentMethod.STRIPE and one.status in HOLDING | LAPSED

    def fact(self, _form: forms.Form | None) -> Fact:
        return MarkedPaid()
