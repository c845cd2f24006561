"""Giving a receipt: once for a registration, with the next number of its year."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from inscrit.payments.models import Refund, RefundStatus
from inscrit.registrations.models import Registration

from .models import Receipt
from .statement import Statement


class NothingPaid(Exception):
    """There is no receipt for a registration that no money was received for."""


def is_due(registration: Registration) -> bool:
    """Whether money was received for it."""
    return registration.paid_at is not None and registration.amount > 0


def issue(registration_id: str) -> Receipt:
    """The registration's receipt, given now if it is asked for the first time.

    In a transaction of its own whose end gives the number back or keeps it for good: hand out no
    paper before that. Raises NothingPaid, Registration.DoesNotExist.
    """
    with transaction.atomic():
        # Two who ask at once: the second finds what the first was given.
        Registration.objects.select_for_update(no_key=True).get(pk=registration_id)
        if given := Receipt.objects.filter(registration=registration_id).first():
            return given
        registration = Registration.objects.select_related("event").get(pk=registration_id)
        if registration.paid_at is None or not is_due(registration):
            raise NothingPaid(registration_id)
        content = Statement.of(registration, registration.paid_at)
        now = timezone.now()
        receipt = Receipt.objects.create(
            registration=registration,
            year=timezone.localtime(now, timezone.get_default_timezone()).year,
            content=msgspec.to_builtins(content),
            issued_at=now,
        )
        receipt.refresh_from_db(fields=["number"])
    return receipt


def statement(receipt: Receipt) -> Statement:
    return msgspec.convert(receipt.content, Statement)


@dataclass(frozen=True, slots=True)
class Return:
    """Money that went back; ``at`` None: by the bank, or by hand, at a time we don't know."""

    amount: int
    at: datetime | None = None


def returns(registration: Registration) -> list[Return]:
    """What has been given back of the money on its receipt, oldest first."""
    total = registration.received.returned
    made = Refund.objects.filter(
        payment__registration=registration, status=RefundStatus.SUCCEEDED
    ).order_by("id")
    # Two payments: what went back of the other one is no part of this receipt.
    known = [Return(refund.amount, refund.succeeded_at) for refund in _of_its_payment(made)]
    told = sum(one.amount for one in known)
    if told > total:
        return [Return(total, known[-1].at)] if total else []
    return [*known, Return(total - told)] if told < total else known


def _of_its_payment(made: QuerySet[Refund]) -> QuerySet[Refund]:
    """A registration that was given back whole stands on no payment any more: then all of them."""
    settling = made.filter(payment__settles=True)
    return settling if settling.exists() else made
