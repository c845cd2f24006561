"""Applying a stored Stripe event again."""

from dataclasses import dataclass

from django.db import transaction

from inscrit.registrations import services
from inscrit.registrations.lifecycle import Outcome

from .models import EventOutcome, StripeEvent
from .notification import Unreadable, read, report_of


@dataclass(frozen=True, slots=True)
class Replay:
    """What applying an event again did."""

    outcome: Outcome
    reason: str


def replay(event_id: str, *, dry_run: bool = False) -> Replay:
    """Apply a stored event through the lifecycle, as if it came now; a dry run leaves no trace.

    Raises StripeEvent.DoesNotExist.
    """
    with transaction.atomic():
        stored = StripeEvent.objects.get(pk=event_id)
        # Registrations are locked first, the inbox row last, as the webhook lane does.
        result = _apply(stored)
        stored.attempts += 1
        # What an event once changed stays written, though doing it again changes nothing more.
        if stored.outcome != EventOutcome.APPLIED or result.outcome is Outcome.APPLIED:
            stored.outcome = EventOutcome(result.outcome)
            stored.reason = result.reason
        stored.save(update_fields=["outcome", "reason", "attempts"])
        transaction.set_rollback(dry_run)
    return result


def _apply(stored: StripeEvent) -> Replay:
    try:
        report = report_of(read(stored.payload))
    except Unreadable as error:
        return Replay(Outcome.REJECTED, str(error)[:200])
    if report is None:
        return Replay(Outcome.IGNORED, "type_only_logged")
    (entry,) = services.report(report)
    if entry is None:
        reason = "unknown_registration" if report.registration else "no_registration_id"
        return Replay(Outcome.UNMATCHED, reason)
    return Replay(entry.decision.outcome, entry.decision.reason)
