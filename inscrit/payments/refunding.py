"""Carrying out a refund that was ordered: Stripe is asked until it has answered, and never twice.

The order's idempotency key makes asking again harmless, but Stripe forgets keys after a day, and
an answer may have been lost: then its refunds are read first, and ours is known by its number.
https://docs.stripe.com/api/idempotent_requests
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from inscrit.jobs import in_database
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import RefundChanged, RefundStatus

from . import stripe_gateway
from .models import Refund
from .stripe_gateway import RefundState, StripeRefused

KEY_LIVES = timedelta(hours=23)
FORGOTTEN_AFTER = timedelta(minutes=20)


def forgotten() -> QuerySet[Refund]:
    """Refunds that were ordered a while ago, and of which Stripe has not told; the oldest first."""
    since = timezone.now() - FORGOTTEN_AFTER
    ordered = Refund.objects.filter(status=RefundStatus.ORDERED, created_at__lt=since)
    return ordered.select_related("payment").order_by("pk")


async def send(refund: Refund) -> None:
    """Ask Stripe for a refund that is still only ordered. Raises StripeUnavailable."""
    if refund.created_at < timezone.now() - KEY_LIVES:
        made = await stripe_gateway.refunds_of(refund.payment_id)
        if any(state.number == refund.pk for state in made):
            await in_database(_reported, refund, made)
            return
    try:
        state = await stripe_gateway.create_refund(
            refund.payment_id,
            refund.amount,
            number=refund.pk,
            idempotency_key=refund.idempotency_key,
        )
    except StripeRefused as error:
        # Perhaps it was given back in the Dashboard meanwhile: that is known first.
        made = await stripe_gateway.refunds_of(refund.payment_id)
        await in_database(_reported, refund, made)
        await in_database(_refused, refund, str(error))
    else:
        await in_database(_reported, refund, [state])


def _reported(refund: Refund, states: list[RefundState]) -> None:
    if not states:
        return
    services.report(*(_report(refund, state) for state in states))


def _report(refund: Refund, state: RefundState) -> Report:
    fact = RefundChanged(
        refund.payment_id, state.id, state.amount, state.status, number=state.number
    )
    registration = refund.payment.registration_id
    return Report(fact, "refund", registration, payment=refund.payment_id)


@transaction.atomic
def _refused(refund: Refund, error: str) -> None:
    Refund.objects.filter(pk=refund.pk).update(error=error)
    fact = RefundChanged(
        refund.payment_id, None, refund.amount, RefundStatus.FAILED, number=refund.pk
    )
    registration = refund.payment.registration_id
    services.report(Report(fact, "refund", registration, payment=refund.payment_id))
