"""A registration's money at a glance: its payments with their refunds and disputes, in words."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from inscrit.backoffice import page_of
from inscrit.money import money
from inscrit.payments import dashboard
from inscrit.payments.models import (
    TO_BE_ANSWERED,
    Payment,
    PaymentResolution,
    PaymentState,
    Refund,
    RefundStatus,
)
from inscrit.registrations.explanations import explain
from inscrit.registrations.models import Registration

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def glance(request: HttpRequest, registration: Registration) -> "SafeString":
    payments = registration.payments.order_by("created_at").prefetch_related("refunds", "disputes")
    context = {"payments": [shown(payment) for payment in payments], "registration": registration}
    return render_to_string("admin/payments/glance.html", context, request)


def shown(payment: Payment) -> dict[str, object]:
    """A payment and what became of it."""
    return {
        "payment": payment,
        "page": page_of(payment),
        "at_stripe": dashboard.address(payment),
        "amount": money(payment.amount, payment.currency),
        "role": role(payment),
        "refunds": [
            {
                "refund": refund,
                "page": page_of(refund),
                "amount": money(refund.amount, payment.currency),
                "by": by_whom(refund),
                "failed": refund.status == RefundStatus.FAILED,
            }
            for refund in payment.refunds.all()
        ],
        "disputes": [
            {
                "dispute": dispute,
                "page": page_of(dispute),
                "amount": money(dispute.amount, payment.currency),
                "waits": dispute.status in TO_BE_ANSWERED,
            }
            for dispute in payment.disputes.all()
        ],
    }


def role(payment: Payment) -> str:
    """What a payment is to its registration."""
    if payment.settles:
        return _("The registration stands on it.")
    if payment.resolution == PaymentResolution.KEPT:
        return _("It confirms nothing. An organiser left it as it is.")
    if payment.status == PaymentState.SUCCEEDED and payment.refund_ordered < payment.amount:
        return _("It confirms nothing.")
    return ""


def by_whom(refund: Refund) -> str:
    """Who gave the money back, and why."""
    if refund.reason == Refund.OUTSIDE:
        return _("in Stripe’s Dashboard")
    return _("by Inscrit: %(why)s") % {"why": explain(refund.reason).what}
