"""What can be done with endpoints and deliveries, by the admin, the API and the jobs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from inscrit import config
from inscrit.mail.services import alert

from .models import Delivery, DeliveryState, Endpoint, Message
from .types import TEST

if TYPE_CHECKING:
    from procrastinate.types import JSONValue

log = structlog.get_logger()

PARCEL = 20
MOST_AT_ONCE = 1000
KEPT = timedelta(days=30)


def queue(deliveries: Iterable[Delivery]) -> None:
    """Jobs that make a try of each now, some deliveries to one endpoint in each."""
    by_endpoint: defaultdict[str, list[int]] = defaultdict(list)
    for delivery in deliveries:
        by_endpoint[delivery.endpoint_id].append(delivery.pk)
    for endpoint_id, ids in by_endpoint.items():
        task = app.configure_task(
            "inscrit.outgoing.tasks.deliver", queue="outgoing", lock=f"outgoing {endpoint_id}"
        )
        for first in range(0, len(ids), PARCEL):
            parcel: JSONValue = [*ids[first : first + PARCEL]]
            task.defer(delivery_ids=parcel)


def send_again(deliveries: Sequence[Delivery]) -> None:
    """Begin anew with each of them, whatever became of it before."""
    with transaction.atomic():
        Delivery.objects.filter(pk__in=[one.pk for one in deliveries]).update(
            state=DeliveryState.WAITING, attempts=0, next_try_at=timezone.now(), delivered_at=None
        )
        queue(deliveries)


def send_test(endpoint: Endpoint) -> Delivery:
    """A message that says nothing, to see whether it arrives."""
    with transaction.atomic():
        message = Message.objects.create(type=TEST)
        delivery = Delivery.objects.create(message=message, endpoint=endpoint)
        queue([delivery])
    return delivery


def enable(endpoint: Endpoint) -> None:
    """From now on it is told again; what it missed can be sent again by hand."""
    endpoint.disabled_at, endpoint.disabled_reason = None, ""
    endpoint.save(update_fields=["disabled_at", "disabled_reason"])


def disable(endpoint: Endpoint, reason: str = "") -> None:
    """From now on nothing is written for it; what is under way is given up."""
    with transaction.atomic():
        endpoint.disabled_at, endpoint.disabled_reason = timezone.now(), reason[:200]
        endpoint.save(update_fields=["disabled_at", "disabled_reason"])
        waiting = endpoint.deliveries.filter(state=DeliveryState.WAITING)
        waiting.update(state=DeliveryState.FAILED)


def give_up(endpoint: Endpoint, why: str) -> None:
    """Switch an endpoint off that does not work any more, and tell the organiser."""
    with transaction.atomic(), translation.override(config.current().language_code):
        current = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        if not current.is_enabled:
            return
        disable(current, why)
        alert(
            f"endpoint {endpoint.pk}",
            _("Another program is no longer told of registrations"),
            _(
                "Messages to “%(endpoint)s” were not taken (%(why)s), so nothing more is sent"
                " there.\n\nOnce it works again, switch it on in the admin, under Webhook"
                " endpoints. What was not taken stands there under its deliveries and can be sent"
                " again from there."
            )
            % {"endpoint": endpoint, "why": why},
        )
    log.warning("🪝 Webhook endpoint switched off", endpoint=endpoint.pk, why=why)


def due() -> list[Delivery]:
    """Those to be tried now that no job has in hand. Another sweep need not look for a while."""
    now = timezone.now()
    with transaction.atomic():
        waiting = Delivery.objects.select_for_update(no_key=True, skip_locked=True)
        found = list(
            waiting.filter(state=DeliveryState.WAITING, next_try_at__lte=now).order_by(
                "next_try_at", "pk"
            )[:MOST_AT_ONCE]
        )
        Delivery.objects.filter(pk__in=[one.pk for one in found]).update(
            next_try_at=now + timedelta(minutes=5)
        )
        queue(found)
    return found


def purge() -> int:
    """Forget messages, with what became of them, after a month. How many."""
    _all, each = Message.objects.filter(at__lt=timezone.now() - KEPT).delete()
    return each.get("outgoing.Message", 0)
