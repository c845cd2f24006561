"""What has happened to a registration, in sentences for the person it belongs to."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from inscrit.mail.models import FOR_ORGANISERS, MessageState
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING, MailKind, Reason
from inscrit.registrations.models import JournalEntry, Registration

# Reasons that are not here are book-keeping: they say nothing new to the registrant.
SENTENCES: dict[str, Promise] = {
    Reason.REGISTERED: _("You registered."),
    Reason.FREE_OF_CHARGE: _("You registered, free of charge."),
    Reason.PLACE_OFFERED: _("It was your turn on the waiting list, and you got an offer."),
    Reason.OFFER_ACCEPTED: _("You accepted the offer."),
    Reason.OFFER_TAKEN: _("You took the offer, and chose how to pay."),
    Reason.OFFER_LAPSED: _("The time to accept the offer ran out."),
    Reason.PAYMENT_RECEIVED: _("Your payment arrived."),
    Reason.PAYMENT_UNDER_WAY: _("Your bank has been asked for the payment; that takes some days."),
    Reason.PAYMENT_ATTEMPT_FAILED: _("A payment attempt was declined; nothing was charged."),
    Reason.DELAYED_PAYMENT_FAILED: _("Your bank did not make the payment."),
    Reason.SESSION_EXPIRED: _("Time to pay ran out."),
    Reason.CHECKOUT_UNAVAILABLE: _("The payment page could not be opened; nothing was charged."),
    Reason.MOVED: _("The organisers moved your registration to this event."),
    Reason.MARKED_PAID: _("The organiser received your payment."),
    Reason.CANCELLED_BY_REQUEST: _("The registration was cancelled."),
    Reason.CANCELLED_WITHOUT_REFUND: _("The registration was cancelled, without a refund."),
    Reason.CANCELLATION_REQUESTED: _("The registration is being cancelled."),
    Reason.EVENT_CANCELLED: _("The event was cancelled."),
    Reason.LATE_PAYMENT_RESEATED: _("Your payment arrived late, but there was still room for you."),
    Reason.LATE_PAYMENT_REFUNDED: _("Your payment arrived too late; it is being returned."),
    Reason.LATE_PAYMENT_REVIEW: _("Your payment arrived too late; the organiser will decide."),
    Reason.SECOND_PAYMENT_REFUNDED: _("A second payment arrived; it is being returned."),
    Reason.REFUND_REQUESTED: _("The organiser ordered a refund."),
    Reason.REFUND_RECEIVED: _("Money was returned to you."),
    Reason.MONEY_GIVEN_BACK: _("The organiser gave you money back."),
    Reason.REFUND_FAILED: _("A refund did not go through; the organiser has been told."),
    Reason.REFUND_UNDER_WAY: _("Money is on its way back to you."),
    Reason.DISPUTE_OPENED: _("Your bank asked for the payment back; it is being decided."),
    Reason.DISPUTE_WON: _("Your bank decided that the payment stands."),
    Reason.DISPUTE_LOST: _("Your bank returned the payment to you."),
    Reason.REVIEW_ACCEPTED: _("The organiser accepted your payment."),
    Reason.REVIEW_REFUNDED: _("The organiser is giving your payment back."),
    Reason.OTHER_REGISTRATION: _(
        "A payment could not be told apart from another one; the organiser will look at it."
    ),
    Reason.AMOUNT_MISMATCH: _(
        "A payment of an unexpected amount arrived; the organiser will look at it."
    ),
    Reason.WRONG_MODE: _("A payment could not be taken into account; the organiser will look."),
}
CONFIRMED_NOW = _("The registration is confirmed.")
MAIL_SENT = _("We wrote to you by e-mail.")


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    sentence: Promise
    reason: str = ""


def timeline(registration: Registration) -> list[Step]:
    """Every step worth telling, oldest first."""
    journal = list(registration.journal.order_by("id"))
    steps = [
        Step(entry.at, SENTENCES[entry.reason], entry.reason)
        for entry in journal
        if entry.reason in SENTENCES
    ]
    steps += [Step(entry.at, CONFIRMED_NOW) for entry in journal if _confirms(entry)]
    written = registration.messages.exclude(kind__in=FOR_ORGANISERS)
    sent = written.filter(state=MessageState.SENT).values_list("sent_at", flat=True)
    steps += [Step(sent_at, MAIL_SENT) for sent_at in sent if sent_at]
    return sorted(steps, key=attrgetter("at"))


def _confirms(entry: JournalEntry) -> bool:
    return entry.to_status in CONFIRMED and entry.from_status not in CONFIRMED


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the way from the form to the place. ``is_next``: it is waited for now."""

    label: Promise
    is_done: bool
    is_next: bool = False


def stages(registration: Registration) -> list[Stage]:
    """How far it has come; nothing once it has left the way."""
    confirmed = registration.status in CONFIRMED
    if not confirmed and (registration.status not in HOLDING or registration.cancelling):
        return []
    paid = registration.paid_at is not None
    money = [(pgettext_lazy("stage", "Paid"), paid)] if registration.amount else []
    mailed = (
        confirmed
        and registration.messages.filter(kind=MailKind.CONFIRMED, state=MessageState.SENT).exists()
    )
    way = [
        (pgettext_lazy("stage", "Registered"), True),
        *money,
        (pgettext_lazy("stage", "Confirmed"), confirmed),
        (pgettext_lazy("stage", "Mail sent"), mailed),
    ]
    following = next((label for label, is_done in way if not is_done), None)
    return [Stage(label, is_done, label is following) for label, is_done in way]
