"""What each mail looks like, without a registration behind it: for the organiser's preview."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit import config
from inscrit.events.models import Event, EventStatus
from inscrit.registrations.explanations import explain
from inscrit.registrations.lifecycle import PaymentMethod, Reason, Status
from inscrit.registrations.models import Participant, Registration

from . import changes, digest, kinds, own_kinds
from .composing import Letter, about, as_its_reader, fill_in
from .models import EventMails, Message, MessageKind

if TYPE_CHECKING:
    from django.utils.functional import Promise

NOT_A_LINK = "…"


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail as it may turn out. ``given`` is what the registration is then."""

    name: str
    kind: MessageKind
    detail: "Promise | str" = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    more: Callable[[Registration], Mapping[str, Any]] = lambda _registration: {}

    @property
    def label(self) -> str:
        label = str(kinds.of(self.kind).label)
        return f"{label} ({self.detail})" if self.detail else label


def _to_be_paid(registration: Registration) -> Mapping[str, Any]:
    return own_kinds.to_be_paid(Message(registration=registration))


def _offered(registration: Registration) -> Mapping[str, Any]:
    registration.offered_until = timezone.now() + timedelta(hours=registration.event.offer_hours)
    return own_kinds.offered(Message(registration=registration))


def _waits(_registration: Registration) -> Mapping[str, Any]:
    return {"waits": True}


def _own_words(registration: Registration) -> Mapping[str, Any]:
    return {"own_words": EventMails.words_for(registration.event_id)}


def _told_it_ended(registration: Registration) -> Mapping[str, Any]:
    return {**_own_words(registration), "told_it_ended": True}


def _another_day(registration: Registration) -> Mapping[str, Any]:
    event = registration.event
    before = {
        "title": event.title,
        "location": event.location,
        "starts_at": (event.starts_at - timedelta(days=7)).isoformat(),
        "ends_at": (event.ends_at - timedelta(days=7)).isoformat(),
        "time_zone": event.time_zone,
    }
    return {"changes": changes.told(before, event)}


def _another_day_for_who_waits(registration: Registration) -> Mapping[str, Any]:
    return {**_another_day(registration), "waits": True, "button": own_kinds.IN_LINE}


def _needs_a_look(_registration: Registration) -> Mapping[str, Any]:
    told = explain(Reason.AMOUNT_MISMATCH)
    return {"reason": f"{told.what} {told.todo}"}


def _alarm(_registration: Registration) -> Mapping[str, Any]:
    return {
        "subject": gettext("An example of an alert"),
        "text": gettext("Here stands what happened, and what you can do about it."),
    }


def _figures(_registration: Registration) -> Mapping[str, Any]:
    """The real ones: they are the organiser's own."""
    return {"digest": digest.figures_of(timezone.localdate() - timedelta(days=1))}


_PAID = {"status": Status.PAID.value, "paid_at": timezone.now()}
_CHEQUE = {"payment_method": PaymentMethod.CHEQUE.value}
_CASH = {"payment_method": PaymentMethod.CASH.value}
_TRANSFER = {"payment_method": PaymentMethod.TRANSFER.value}
_OVER = {"status": Status.CANCELLED.value}
SAMPLES = {
    sample.name: sample
    for sample in (
        Sample("registered", MessageKind.REGISTERED, _("by card"), {}, _to_be_paid),
        Sample("registered-cheque", MessageKind.REGISTERED, _("by cheque"), _CHEQUE),
        Sample("registered-cash", MessageKind.REGISTERED, _("in cash"), _CASH),
        Sample("registered-transfer", MessageKind.REGISTERED, _("by transfer"), _TRANSFER),
        Sample("confirmed", MessageKind.CONFIRMED, "", _PAID, _own_words),
        Sample(
            "confirmed-free", MessageKind.CONFIRMED, _("free of charge"), {"amount": 0}, _own_words
        ),
        Sample("confirmed-late", MessageKind.CONFIRMED, _("paid late"), _PAID, _told_it_ended),
        Sample("payment_failed", MessageKind.PAYMENT_FAILED),
        Sample("expired", MessageKind.EXPIRED),
        Sample("late_refunded", MessageKind.LATE_REFUNDED),
        Sample("refunded", MessageKind.REFUNDED, _("all"), {"status": Status.REFUNDED.value}),
        Sample("refunded-part", MessageKind.REFUNDED, _("a part"), _PAID),
        Sample("cancelled", MessageKind.CANCELLED, "", _OVER),
        Sample("event-cancelled", MessageKind.CANCELLED, _("the whole event"), _PAID | _OVER),
        Sample("moved", MessageKind.MOVED, "", _PAID),
        Sample("place_offered", MessageKind.PLACE_OFFERED, "", {}, _offered),
        Sample("offer_lapsed", MessageKind.OFFER_LAPSED),
        Sample("waiting_joined", MessageKind.WAITING_JOINED, "", {}, _waits),
        Sample("waiting_again", MessageKind.WAITING_AGAIN, "", {}, _waits),
        Sample("waiting_closed", MessageKind.WAITING_CLOSED, "", {}, _waits),
        Sample("event_changed", MessageKind.EVENT_CHANGED, "", _PAID, _another_day),
        Sample(
            "event_changed-waiting",
            MessageKind.EVENT_CHANGED,
            _("to the waiting list"),
            {},
            _another_day_for_who_waits,
        ),
        Sample("reminder", MessageKind.REMINDER, "", _PAID, _own_words),
        Sample("organiser_review", MessageKind.ORGANISER_REVIEW, "", _PAID, _needs_a_look),
        Sample("organiser_alert", MessageKind.ORGANISER_ALERT, "", {}, _alarm),
        Sample("organiser_digest", MessageKind.ORGANISER_DIGEST, "", {}, _figures),
    )
}


def letter(sample: Sample, locale: str, event: Event | None = None) -> Letter:
    """The sample's mail in a language, of an event of ours or of one that is made up."""
    with as_its_reader(locale, registration := _registration(sample, locale, event)):
        people = [
            Participant(position=n, first_name=name, last_name="Martin")
            for n, name in enumerate(("Léa", "Noé"), start=1)
        ]
        own = f"{config.current().public_url}/{NOT_A_LINK}"
        context = about(registration, people, own)
        if sample.kind in (MessageKind.ORGANISER_ALERT, MessageKind.ORGANISER_DIGEST):
            context = {"url": f"{config.current().public_url}/admin/"}
        if kinds.of(sample.kind).optional:
            context["no_more"] = own
        return fill_in(sample.kind, {**context, **sample.more(registration)})


def _registration(sample: Sample, locale: str, event: Event | None) -> Registration:
    """It is never saved."""
    event = _copy(event) if event else _made_up(locale)
    if sample.name == "event-cancelled":
        event.status = EventStatus.CANCELLED
    amount = event.price * 2 or 2500
    given = {"amount": amount} | dict(sample.given)
    if sample.kind == MessageKind.REFUNDED:
        given["amount_refunded"] = amount if given["status"] == Status.REFUNDED else amount // 2
    return Registration(
        id="reg-example",
        event=event,
        contact_name="Camille Martin",
        contact_email="camille@example.org",
        locale=locale,
        places=2,
        currency=event.currency,
        hold_expires_at=timezone.now() + timedelta(minutes=21),
        **given,
    )


def _copy(event: Event) -> Event:
    return Event.objects.get(pk=event.pk)


def _made_up(locale: str) -> Event:
    french = locale == "fr"
    return Event(
        id="evt-example",
        title="Sortie à la ferme" if french else "A day at the farm",
        location="Ferme du Bois-Joli, départ devant l’école" if french else "Hill Farm",
        starts_at=datetime(2031, 5, 14, 7, 30, tzinfo=UTC),
        ends_at=datetime(2031, 5, 14, 15, 0, tzinfo=UTC),
        price=1250,
        status=EventStatus.PUBLISHED,
    )
