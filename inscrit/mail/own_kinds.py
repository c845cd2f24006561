"""The mails of this room: what each shows, and when nobody needs it any more."""

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from inscrit import config, money
from inscrit.events.models import EventStatus
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING, PaymentMethod, Status
from inscrit.registrations.models import Registration
from inscrit.waiting import answering
from inscrit.waiting.models import State, WaitingEntry

from . import attachments, changes, enclosures, kinds, reasons
from .kinds import Kind
from .models import EventMails, Message, MessageKind, Unsubscribed

Context = Mapping[str, Any]
Needless = Callable[[Message], Promise | None]

IN_LINE = _("See your place in the line")
THEY_ENDED = (MessageKind.EXPIRED, MessageKind.PAYMENT_FAILED)


def register() -> None:
    for kind in _kinds():
        kinds.register(kind)
    attachments.attach(MessageKind.CONFIRMED, enclosures.enclosed)


def _kinds() -> list[Kind]:
    again = _("See your registration and register again")
    return [
        _kind(MessageKind.REGISTERED, context=to_be_paid, needless=settled),
        _kind(MessageKind.CONFIRMED, context=_confirmed),
        _kind(MessageKind.EXPIRED, button=again),
        _kind(MessageKind.PAYMENT_FAILED, button=again),
        _kind(MessageKind.LATE_REFUNDED),
        _kind(MessageKind.REFUNDED),
        _kind(MessageKind.CANCELLED),
        _kind(MessageKind.MOVED),
        _kind(MessageKind.PLACE_OFFERED, context=offered, needless=settled),
        _kind(MessageKind.OFFER_LAPSED),
        _kind(MessageKind.WAITING_JOINED, button=IN_LINE, context=_for_who_joined),
        _kind(
            MessageKind.WAITING_AGAIN,
            button=IN_LINE,
            context=_for_who_asked_again,
            needless=waits_no_more,
        ),
        _kind(MessageKind.WAITING_CLOSED, button=IN_LINE, context=_for_who_waits),
        _kind(MessageKind.EVENT_CHANGED, context=_changed, needless=not_coming),
        _kind(MessageKind.REMINDER, context=_with_own_words, needless=no_reminder, optional=True),
        _kind(MessageKind.ORGANISER_REVIEW, button=_("Look at it in the admin"), context=_review),
        _kind(MessageKind.ORGANISER_ALERT, button=_("Go to the admin"), context=_alert),
        _kind(
            MessageKind.ORGANISER_DIGEST,
            button=_("Go to the admin"),
            context=_digest,
            needless=unwanted,
            optional=True,
        ),
    ]


def _kind(name: MessageKind, **more: Any) -> Kind:
    return Kind(name.value, name.label, **more)


def _of(message: Message) -> Registration:
    if message.registration is None:
        raise Registration.DoesNotExist
    return message.registration


def to_be_paid(message: Message) -> Context:
    """What is paid by hand is paid nowhere on the page."""
    by_card = _of(message).payment_method == PaymentMethod.STRIPE
    return {"button": _("Pay or see your registration")} if by_card else {}


def offered(message: Message) -> Context:
    registration = _of(message)
    if not registration.amount:
        return {"button": _("Accept the offer")}
    methods = registration.choice_of_methods(timezone.now())
    if registration.payment_method != PaymentMethod.STRIPE:
        told = {"ways": [one.label for one in methods]}
        return {**told, "button": _("Choose how to pay")} if methods else {}
    amount = money.written(registration.amount, registration.currency, get_language() or "")
    return {
        "ways": [one.label for one in methods if one != registration.payment_method],
        "button": gettext("Pay %(amount)s now") % {"amount": amount},
    }


def _entry_of(message: Message) -> WaitingEntry:
    if message.waiting is None:
        raise WaitingEntry.DoesNotExist
    return message.waiting


def _for_who_waits(message: Message) -> Context:
    """An entry on the list is shown as a registration is."""
    entry = _entry_of(message)
    return {
        "registration": entry,
        "event": entry.event,
        "participants": entry.seats,
        "reader": entry.contact_name,
        "url": config.current().public_url + entry.get_absolute_url(),
        "waits": True,
    }


def _for_who_joined(message: Message) -> Context:
    told = {"time_to_answer": answering.time_for(_entry_of(message))}
    return {**_for_who_waits(message), **told}


def _for_who_asked_again(message: Message) -> Context:
    entry = _entry_of(message)
    offer = {"button": _("See the offer")} if _has_offer(entry) else {}
    return {**_for_who_waits(message), **offer}


def _with_own_words(message: Message) -> Context:
    return {"own_words": EventMails.words_for(_of(message).event_id)}


def _confirmed(message: Message) -> Context:
    """Whoever was told before that it was over is told to forget that."""
    told_it_ended = Message.objects.filter(
        registration=message.registration_id, kind__in=THEY_ENDED, pk__lt=message.pk
    )
    return {
        **_with_own_words(message),
        "told_it_ended": told_it_ended.exists(),
        "code": enclosures.CODE if enclosures.has_code(message) else "",
        "enclosed": enclosures.names(message),
    }


def _changed(message: Message) -> Context:
    before = message.context["before"]
    if message.waiting is None:
        return {"changes": changes.told(before, _of(message).event)}
    told = {"changes": changes.told(before, message.waiting.event), "button": IN_LINE}
    return {**told, **_for_who_asked_again(message)}


def _review(message: Message) -> Context:
    registration = _of(message)
    # Never the registrant's own link: its token is for nobody else.
    page = reverse("admin:registrations_registration_change", args=[registration.pk])
    return {
        "reason": reasons.why(message, registration),
        "url": config.current().public_url + page,
    }


def _alert(message: Message) -> Context:
    return {**message.context, "url": _admin()}


def _digest(message: Message) -> Context:
    return {"digest": message.context, "url": _admin()}


def _admin() -> str:
    return config.current().public_url + reverse("admin:index")


def settled(message: Message) -> Promise | None:
    registration = _of(message)
    if registration.status != Status.PENDING or registration.cancelling:
        return _("It is paid by now, or it has ended.")
    return None


def _has_offer(entry: WaitingEntry) -> bool:
    """One that has not been taken yet."""
    offered = entry.registration
    return (
        offered is not None
        and offered.status == Status.PENDING
        and offered.offered_until is not None
    )


def waits_no_more(message: Message) -> Promise | None:
    entry = _entry_of(message)
    if entry.state != State.WAITING and not _has_offer(entry):
        return _("They do not wait any more.")
    return None


def not_coming(message: Message) -> Promise | None:
    """Whoever waited, and has a place by now, still wants to know."""
    event = (message.waiting or _of(message)).event
    if event.status == EventStatus.CANCELLED:
        return _("The event has been cancelled since.")
    registration = message.waiting.registration if message.waiting else _of(message)
    if registration is None:
        return waits_no_more(message)
    if registration.status not in HOLDING | CONFIRMED:
        return _("The registration has no place any more.")
    return None


def no_reminder(message: Message) -> Promise | None:
    registration = _of(message)
    if registration.status not in CONFIRMED:
        return _("The registration has no place any more.")
    if registration.event.status != EventStatus.PUBLISHED:
        return _("The event has been cancelled since.")
    if registration.event.starts_at <= timezone.now():
        return _("The event has begun.")
    return unwanted(message)


def unwanted(message: Message) -> Promise | None:
    if Unsubscribed.wants_no(message.recipient, message.kind):
        return _("The recipient wants no more mails of this kind.")
    return None
