"""Everything that happened around a registration, in one list and in plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from inscrit.backoffice import page_of
from inscrit.checkin.models import Arrival
from inscrit.events.models import Event
from inscrit.mail.models import FOR_ORGANISERS, Message, MessageState
from inscrit.money import money
from inscrit.payments.models import CheckoutSession, Payment, Refund, RefundStatus
from inscrit.registrations.admin import told
from inscrit.registrations.correcting import FIELDS
from inscrit.registrations.explanations import explain
from inscrit.registrations.models import JournalEntry, Registration
from inscrit.webhooks.models import StripeEvent
from inscrit.webhooks.types import TYPES

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Happening:
    """``kind`` is the CSS class of its mark; ``code`` and ``address`` lead to more of it."""

    at: datetime
    kind: str
    what: str
    title: str = ""
    who: str = ""
    code: str = ""
    address: str = ""
    reason: str = ""


def panel(request: HttpRequest, registration: Registration) -> "SafeString":
    context = {"happenings": happenings(registration)}
    return render_to_string("desk/timeline.html", context, request)


def happenings(registration: Registration) -> list[Happening]:
    """The newest first."""
    entries = list(registration.journal.order_by("id"))
    known = {entry.stripe_event for entry in entries}
    found = [
        *_journal(entries),
        *_sessions(registration),
        *_payments(registration),
        *_mails(registration),
        *_arrivals(registration),
        *_stripe_events(registration, known),
    ]
    return sorted(found, key=attrgetter("at"), reverse=True)


def _journal(entries: list[JournalEntry]) -> Iterator[Happening]:
    titles = _titles(entries)
    for entry in entries:
        said = told(entry)
        address = ""
        if entry.stripe_event:
            address = page_of(StripeEvent(id=entry.stripe_event))
        yield Happening(
            entry.at,
            "journal",
            _detailed(entry, titles),
            title=str(said["to"]) if said["moved"] else "",
            who=str(said["who"]),
            code=entry.stripe_event,
            address=address,
            reason=entry.reason,
        )


def _titles(entries: list[JournalEntry]) -> dict[str, str]:
    """The titles of the events that it was moved between."""
    names = ("from", "to")
    ids = {entry.details[name] for entry in entries for name in names if name in entry.details}
    if not ids:
        return {}
    return dict(Event.objects.filter(pk__in=ids).values_list("pk", "title"))


def _detailed(entry: JournalEntry, titles: dict[str, str]) -> str:
    what = str(explain(entry.reason).what)
    if "to" in entry.details:
        left, reached = (entry.details[name] for name in ("from", "to"))
        said = {"from": titles.get(left, left), "to": titles.get(reached, reached)}
        return what + " " + _("From “%(from)s” to “%(to)s”.") % said
    if "amount" in entry.details:
        return what + " " + money(int(entry.details["amount"]), entry.details["currency"])
    if fields := entry.details.get("fields"):
        labels = ", ".join(str(FIELDS.get(name, name)) for name in fields)
        return what + " " + _("Corrected: %(fields)s.") % {"fields": labels}
    return what


def _sessions(registration: Registration) -> Iterator[Happening]:
    for session in CheckoutSession.objects.filter(registration=registration):
        status = {"status": session.get_status_display()}
        yield Happening(
            session.created_at,
            "session",
            _("A payment page was opened. It is now: %(status)s.") % status,
            code=session.stripe_id or "",
        )


def _payments(registration: Registration) -> Iterator[Happening]:
    payments = Payment.objects.filter(registration=registration).prefetch_related("refunds")
    for payment in payments:
        said = {
            "money": money(payment.amount, payment.currency),
            "status": payment.get_status_display(),
        }
        yield Happening(
            payment.created_at,
            "payment",
            _("Payment of %(money)s. It is now: %(status)s.") % said,
            code=payment.key,
            address=page_of(payment),
        )
        for refund in payment.refunds.all():
            yield from _refund(refund, payment.currency)


def _refund(refund: Refund, currency: str) -> Iterator[Happening]:
    amount = money(refund.amount, currency)
    where = {"code": str(refund), "address": page_of(refund)}
    said = {"money": amount, "status": refund.get_status_display()}
    text = _("Refund of %(money)s. It is now: %(status)s.") % said
    failed = refund.status == RefundStatus.FAILED
    yield Happening(refund.created_at, "alarm" if failed else "refund", text, **where)


def _mails(registration: Registration) -> Iterator[Happening]:
    for message in Message.objects.filter(registration=registration):
        failed = message.state == MessageState.FAILED
        yield Happening(
            message.sent_at or message.created_at,
            "alarm" if failed else "mail",
            _mail(message),
            address=page_of(message),
            code=_("e-mail"),
        )


def _arrivals(registration: Registration) -> Iterator[Happening]:
    found = Arrival.objects.filter(participant__registration=registration)
    for one in found.select_related("participant"):
        who = {"name": one.participant}
        yield Happening(one.at, "arrival", _("%(name)s was let in.") % who, who=one.by)
        if one.undone_at is not None:
            text = _("The arrival of %(name)s was taken back.") % who
            yield Happening(one.undone_at, "arrival", text, who=one.undone_by)


def _mail(message: Message) -> str:
    said = {"kind": message.get_kind_display(), "state": message.get_state_display()}
    if message.kind in FOR_ORGANISERS:
        return "{kind} · {state}".format(**said)
    said["address"] = message.recipient
    return _("E-mail “%(kind)s” to %(address)s: %(state)s.") % said


def _stripe_events(registration: Registration, known: set[str]) -> Iterator[Happening]:
    """Those that moved something stand in the journal already."""
    for event in StripeEvent.objects.filter(registration_id=registration.pk).defer("payload"):
        if event.pk in known:
            continue
        told_by_stripe = TYPES.get(event.type, event.type)
        said = {"what": told_by_stripe, "outcome": event.get_outcome_display()}
        yield Happening(
            event.received_at,
            "stripe",
            _("Stripe told: %(what)s. %(outcome)s.") % said,
            who=_("Stripe"),
            code=event.pk,
            address=page_of(event),
        )
