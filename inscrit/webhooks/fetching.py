"""Events that never reached us: fetched from Stripe, and taken in as if they had been delivered.

They go through the inbox and the lifecycle as a delivery does. Should Stripe deliver one after
all, it is known already.
"""

import time
from collections.abc import Iterable, Sequence

import structlog
from django.db import OperationalError, transaction

from inscrit import config
from inscrit.registrations.ledger import Ledger
from inscrit.registrations.services import desk, run

from .inbox import Batch, Received, Verdict
from .models import StripeEvent
from .notification import Unreadable, read

# Stands in the inbox where a delivery has the fingerprint of its signing secret.
SOURCE = "reconciliation"
log = structlog.get_logger()


def take_in(bodies: Iterable[str], *, dry_run: bool = False) -> list[Verdict]:
    """Store and apply the events that are not in the inbox; a dry run leaves no trace."""
    found = missing(bodies)
    return _take_in(found, dry_run=dry_run) if found else []


def missing(bodies: Iterable[str]) -> list[Received]:
    """Those of these events that are not in the inbox; what can't be read is logged."""
    fetched = [received for body in bodies if (received := _received(body))]
    ids = [received.notification.id for received in fetched]
    known = set(StripeEvent.objects.filter(pk__in=ids).values_list("pk", flat=True))
    return [received for received in fetched if received.notification.id not in known]


def _received(body: str) -> Received | None:
    try:
        return Received(read(body), body, SOURCE, time.perf_counter(), actor=SOURCE)
    except Unreadable as error:
        log.error("❌ Fetched Stripe event can't be read", reason=str(error))
        return None


def _take_in(missing: Sequence[Received], *, dry_run: bool) -> list[Verdict]:
    """Together, or if one of them can't be stored, each by itself."""
    batch = Batch(missing)
    try:
        return _commit(batch, dry_run=dry_run)
    except OperationalError:
        raise
    except Exception as error:
        if len(missing) > 1:
            return [one for single in missing for one in _take_in([single], dry_run=dry_run)]
        event_id = missing[0].notification.id
        log.error("❌ Fetched Stripe event failed", stripe_event=event_id, exc_info=error)
        return _keep_as_failed(Batch(missing), type(error).__name__, dry_run=dry_run)


def _commit(batch: Batch, *, dry_run: bool) -> list[Verdict]:
    settings = config.current()
    ledger = Ledger(livemode=settings.livemode, desk=desk(settings))
    with transaction.atomic():
        (locked,) = run([ledger.locking(batch.wanted())])
        *rows, known = run([*ledger.reading(locked), batch.reading()])
        ledger.take(*rows)
        batch.decide(ledger, known)
        run([*batch.writing(), *ledger.writing()])
        transaction.set_rollback(dry_run)
        transaction.on_commit(batch.tell)
    return batch.verdicts


def _keep_as_failed(batch: Batch, reason: str, *, dry_run: bool) -> list[Verdict]:
    batch.fail(reason)
    with transaction.atomic():
        run(batch.writing())
        transaction.set_rollback(dry_run)
        transaction.on_commit(batch.tell)
    return batch.verdicts
