"""Handing messages to an endpoint: at least once each, again and again until it takes them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.utils import timezone

from inscrit.jobs import in_database

from . import bodies, secrets, services
from .models import Attempt, Delivery, DeliveryState, Endpoint
from .sending import GONE, Answer, post

log = structlog.get_logger()

# Minutes to wait after each failure; after the last one it is given up. Some three days in all.
DELAYS = (1, 5, 30, 2 * 60, 5 * 60, 10 * 60, 14 * 60, 20 * 60, 24 * 60)
MOST_ATTEMPTS = len(DELAYS) + 1
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message made ready: what to send where."""

    delivery: Delivery
    body: str
    headers: dict[str, str]


async def deliver(delivery_ids: Sequence[int]) -> None:
    """Try each once, some at a time. If nobody answers, the rest is left to the sweep."""
    for first in range(0, len(delivery_ids), AT_ONCE):
        some = delivery_ids[first : first + AT_ONCE]
        reached = await asyncio.gather(*map(_deliver, some))
        if not all(reached):
            return


async def _deliver(delivery_id: int) -> bool:
    """False if nobody answered."""
    parcel = await in_database(_take, delivery_id)
    if parcel is None:
        return True
    answer = await post(parcel.delivery.endpoint.url, parcel.body, parcel.headers)
    await in_database(_settle, parcel.delivery, answer)
    return not answer.is_unreachable


def _take(delivery_id: int) -> Parcel | None:
    """Count the try before it is made: a worker that dies over it comes back to it later."""
    delivery = (
        Delivery.objects.select_related("message", "endpoint")
        .filter(pk=delivery_id, state=DeliveryState.WAITING)
        .first()
    )
    if delivery is None:
        return None
    delivery.attempts += 1
    delivery.next_try_at = timezone.now() + _delay(delivery.attempts)
    delivery.save(update_fields=["attempts", "next_try_at"])
    body = bodies.written(delivery.message)
    headers = secrets.signed(delivery.endpoint, delivery.message.pk, body)
    return Parcel(delivery, body, headers)


def _delay(attempts: int) -> timedelta:
    return timedelta(minutes=DELAYS[min(attempts, len(DELAYS)) - 1])


def _settle(delivery: Delivery, answer: Answer) -> None:
    """Keep what came of a try."""
    Attempt.objects.create(
        delivery=delivery,
        status=answer.status,
        excerpt=answer.excerpt,
        error=answer.error,
        milliseconds=answer.milliseconds,
    )
    details = {
        "endpoint": delivery.endpoint_id,
        "message": delivery.message_id,
        "attempts": delivery.attempts,
    }
    if answer.is_taken:
        _note_success(delivery)
        log.info(f"🪝 Webhook taken: {delivery.message.type}", **details)
        return
    why = answer.error or f"HTTP {answer.status}"
    log.warning(f"🪝 Webhook not taken: {delivery.message.type}", error=why, **details)
    if answer.status == GONE:
        # Sent again by hand to an endpoint that is off already, nobody else would give it up.
        _note_failure(delivery)
        services.give_up(delivery.endpoint, why)
    elif delivery.attempts >= MOST_ATTEMPTS:
        _give_up(delivery, why)


def _note_success(delivery: Delivery) -> None:
    now = timezone.now()
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.DELIVERED, delivered_at=now)
    Endpoint.objects.filter(pk=delivery.endpoint_id).update(succeeded_at=now)


def _note_failure(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.FAILED)


def _give_up(delivery: Delivery, why: str) -> None:
    """The last try has failed; an endpoint that took nothing else all that time is switched off."""
    _note_failure(delivery)
    endpoint = Endpoint.objects.get(pk=delivery.endpoint_id)
    begun = delivery.tries.order_by("id").values_list("at", flat=True).first()
    if endpoint.succeeded_at is None or begun is None or endpoint.succeeded_at < begun:
        services.give_up(endpoint, why)
