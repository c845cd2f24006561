"""Forgetting what is not needed any more, a little at a time so that nobody waits."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from inscrit import config
from inscrit.mail.models import Message, MessageKind, MessageState, Sending
from inscrit.registrations.models import IdempotencyKey
from inscrit.registrations.services import KEYS_LIVE
from inscrit.webhooks.models import StripeEvent

from .events import facts_of
from .models import Purge

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 500
FAILED_JOBS_KEPT = timedelta(days=30)
PURGES_KEPT = timedelta(days=400)
log = structlog.get_logger()

FAILED_JOBS = """
DELETE FROM procrastinate_jobs AS j
WHERE status IN ('failed', 'cancelled', 'aborted', 'succeeded') AND NOT EXISTS (
    SELECT FROM procrastinate_events AS e
    WHERE e.job_id = j.id AND e.at > now() - make_interval(secs => %s)
)
"""


def purge() -> Purge:
    """Everything that has had its time. Must not be called within a transaction."""
    now = timezone.now()
    before = now - timedelta(days=config.current().payload_retention_days)
    last = Purge.objects.first()
    kinds: dict[str, Callable[[], int]] = {
        "stripe_events": lambda: _events(last.events_until if last else None, before),
        "alerts": lambda: _alerts(before),
        "letters": lambda: Sending.objects.filter(at__lt=before).delete()[0],
        "idempotency_keys": lambda: _keys(now),
        "jobs": _jobs,
        "sessions": lambda: Session.objects.filter(expire_date__lt=now).delete()[0],
    }
    counts = {kind: forget() for kind, forget in kinds.items()}
    done = Purge.objects.create(events_until=before, counts=counts)
    Purge.objects.filter(at__lt=now - PURGES_KEPT).exclude(pk=done.pk).delete()
    log.info("🧹 Purged what is not needed any more", **counts)
    return done


def _events(since: datetime | None, before: datetime) -> int:
    """``since`` is how far earlier purges came: what was received before is purged already."""
    due = StripeEvent.objects.filter(received_at__lt=before)
    if since is not None:
        # One that was committed late stands a little before.
        due = due.filter(received_at__gte=since - timedelta(days=1))
    ids = list(due.order_by("received_at").values_list("pk", flat=True))
    return sum(_event_batch(ids[n : n + AT_ONCE]) for n in range(0, len(ids), AT_ONCE))


@transaction.atomic
def _event_batch(ids: list[str]) -> int:
    changed = []
    events = StripeEvent.objects.select_for_update(no_key=True).order_by("pk")
    for event in events.filter(pk__in=ids).only("pk", "payload"):
        facts = facts_of(event.payload)
        if facts != event.payload:
            event.payload = facts
            changed.append(event)
    StripeEvent.objects.bulk_update(changed, ["payload"])
    return len(changed)


def _alerts(before: datetime) -> int:
    """An alert names people in its text; its subject stays."""
    told = Message.objects.filter(
        kind=MessageKind.ORGANISER_ALERT,
        state=MessageState.SENT,
        created_at__lt=before,
        context__has_key="text",
    )
    number = 0
    for message in told.iterator(AT_ONCE):
        del message.context["text"]
        message.save(update_fields=["context"])
        number += 1
    return number


def _keys(now: datetime) -> int:
    return IdempotencyKey.objects.filter(created_at__lt=now - KEYS_LIVE).delete()[0]


def _jobs() -> int:
    with connection.cursor() as cursor:
        cursor.execute(FAILED_JOBS, [FAILED_JOBS_KEPT.total_seconds()])
        return int(cursor.rowcount)
