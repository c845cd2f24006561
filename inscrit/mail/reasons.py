"""Why a person is asked to look at a registration, in words for the organiser."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inscrit.registrations.models import Registration

from .models import Message

SENTENCES: dict[str, Promise] = {
    "amount_mismatch": gettext_lazy(
        "A payment of another amount or currency came in. It was recorded, but not applied."
    ),
    "wrong_mode": gettext_lazy(
        "A payment in the wrong mode came in (test instead of live, or the other way round)."
        " It was not applied."
    ),
    "other_registration": gettext_lazy(
        "A payment came in that names this registration, but belongs to another one."
        " It was not applied."
    ),
    "late_payment_review": gettext_lazy(
        "It was paid after its places had been freed. You have to decide: seat it, or give the"
        " money back."
    ),
    "cancelled_without_refund": gettext_lazy(
        "It was cancelled, and what was paid is kept until you decide about it."
    ),
    "refund_failed": gettext_lazy("A refund did not go through: that money is still with you."),
    "dispute_inquiry": gettext_lazy(
        "The buyer’s bank asks about the payment. No money has moved yet; answer in Stripe’s"
        " Dashboard."
    ),
    "dispute_opened": gettext_lazy(
        "The buyer disputes the payment, and the bank has taken the money back for now. Answer in"
        " Stripe’s Dashboard before the time runs out."
    ),
    "dispute_lost": gettext_lazy("A dispute is lost: the buyer has the money back for good."),
    "dispute_won": gettext_lazy("A dispute is won: the money is yours again."),
    "dispute_closed": gettext_lazy("A dispute is closed: the money is yours."),
}


def why(message: Message, registration: Registration) -> str:
    """In the language that is active. What the message itself says goes before what is so now."""
    reason = message.context.get("reason") or registration.review or _last(registration)
    if sentence := SENTENCES.get(reason):
        return str(sentence)
    return _("Its journal ends with “%(reason)s”.") % {"reason": reason}


def _last(registration: Registration) -> str:
    last = registration.journal.order_by("id").values_list("reason", flat=True).last()
    return last or ""
