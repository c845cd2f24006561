"""What Stripe's events say, in words for staff."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TYPES: dict[str, Promise] = {
    "checkout.session.completed": _("The buyer finished on the payment page"),
    "checkout.session.async_payment_succeeded": _("A slow payment has arrived"),
    "checkout.session.async_payment_failed": _("A slow payment has failed"),
    "checkout.session.expired": _("A payment page was closed unpaid"),
    "payment_intent.succeeded": _("A payment succeeded"),
    "payment_intent.payment_failed": _("A card was declined"),
    "charge.refunded": _("Money was given back"),
    "charge.refund.updated": _("A refund has changed"),
    "refund.created": _("A refund was ordered"),
    "refund.updated": _("A refund has changed"),
    "refund.failed": _("A refund has failed"),
    "charge.dispute.created": _("A buyer disputes a payment"),
    "charge.dispute.updated": _("A dispute has changed"),
    "charge.dispute.closed": _("A dispute is closed"),
    "charge.dispute.funds_withdrawn": _("The bank took disputed money"),
    "charge.dispute.funds_reinstated": _("The bank gave disputed money back"),
}
