"""Applying a stored Stripe event again: by hand, or by itself until it is through."""

from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from msgspec.structs import replace

from inscrit import config
from inscrit.mail.services import alert
from inscrit.registrations import services
from inscrit.registrations.ledger import Entry
from inscrit.registrations.lifecycle import Outcome

from .inbox import PARKED, UNKNOWN_PAYMENT, why_unmatched
from .models import EventOutcome, StripeEvent
from .notification import Unreadable, read, report_of

# Minutes to wait after each try; some three days in all, as long as Stripe itself tries.
DELAYS = (1, 2, 5, 10, 30, 60, 120, 360, 720, 1440, 1440)
MOST_AT_ONCE = 500
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Replay:
    """What applying an event again did; ``changes`` says it in the words of the journal.

    ``entry`` has the decision, if there was one.
    """

    outcome: Outcome
    reason: str
    changes: list[str] = field(default_factory=list)
    entry: Entry | None = None

    @property
    def is_settled(self) -> bool:
        return self.outcome is not Outcome.FAILED and self.reason not in PARKED


def replay(event_id: str, *, dry_run: bool = False, actor: str = "webhook") -> Replay:
    """Apply a stored event through the lifecycle, as if it came now; a dry run leaves no trace.

    ``actor`` is who the journal names. Raises StripeEvent.DoesNotExist.
    """
    with transaction.atomic():
        stored = StripeEvent.objects.get(pk=event_id)
        # Registrations are locked first, the inbox row last, as the webhook lane does.
        result = _apply(stored, actor)
        stored = StripeEvent.objects.select_for_update(no_key=True).get(pk=event_id)
        stored.attempts += 1
        stored.set_aside_by = ""  # what comes of it counts again
        # What an event once changed stays written, though doing it again changes nothing more.
        if stored.outcome != EventOutcome.APPLIED or result.outcome is Outcome.APPLIED:
            stored.outcome = EventOutcome(result.outcome)
            stored.reason = result.reason
        if result.is_settled:
            stored.next_try_at = None
        if result.entry is not None:  # it may have come before what it is about was known
            stored.registration_id = result.entry.before.id
        stored.save(
            update_fields=[
                *("outcome", "reason", "attempts", "next_try_at", "registration_id"),
                "set_aside_by",
            ]
        )
        transaction.set_rollback(dry_run)
    return result


def try_again(event_id: str) -> None:
    """Apply an event that is due again, once; if it still can't be, later again, or never more.

    Raises StripeEvent.DoesNotExist.
    """
    with transaction.atomic():
        due = StripeEvent.objects.select_for_update(no_key=True, skip_locked=True)
        stored = due.filter(pk=event_id, next_try_at__isnull=False).first()
        if stored is None:  # settled, given up, or in somebody's hands
            return
        # Whatever happens to this process now, the next try is not this one again at once.
        _postpone(stored)
    try:
        result = replay(event_id)
    except Exception as error:
        log.error(
            "❌ Stripe event failed again", stripe_event=event_id, attempts=stored.attempts,
            exc_info=error,
        )  # fmt: skip
        StripeEvent.objects.filter(pk=event_id).update(attempts=stored.attempts + 1)
        return
    log.info(
        "🔁 Stripe event applied again",
        stripe_event=event_id,
        outcome=str(result.outcome),
        reason=str(result.reason),
        attempts=stored.attempts + 1,
    )


def _postpone(stored: StripeEvent) -> None:
    delay = DELAYS[stored.attempts - 1] if stored.attempts <= len(DELAYS) else None
    stored.next_try_at = timezone.now() + timedelta(minutes=delay) if delay else None
    stored.save(update_fields=["next_try_at"])
    # Another application's refund or dispute is no news; anything else a person should see.
    if delay is None and stored.reason != UNKNOWN_PAYMENT:
        _give_up(stored)


def _give_up(stored: StripeEvent) -> None:
    log.error(
        "❌ Stripe event given up, a person has to look",
        stripe_event=stored.pk,
        outcome=stored.outcome,
        reason=stored.reason,
    )
    with translation.override(config.current().language_code):
        text = _(
            "Stripe’s event %(event)s (%(type)s) was tried %(n)d times, and is not tried any more:"
            " %(reason)s.\n\nLook at it in the admin under Stripe events. Once the cause is gone,"
            " apply it again there. Registration: %(registration)s"
        ) % {
            "event": stored.pk,
            "type": stored.type,
            "n": stored.attempts,
            "reason": stored.reason,
            "registration": stored.registration_id or "–",
        }
        alert(f"stripe event {stored.pk}", _("A Stripe event could not be applied"), text)


def due() -> list[str]:
    """The events whose next try has come, the oldest first."""
    waiting = StripeEvent.objects.filter(next_try_at__lte=timezone.now())
    return list(waiting.order_by("next_try_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


def _apply(stored: StripeEvent, actor: str) -> Replay:
    try:
        report = report_of(read(stored.payload))
    except Unreadable as error:
        return Replay(Outcome.REJECTED, str(error)[:200])
    if report is None:
        return Replay(Outcome.IGNORED, "type_only_logged")
    (entry,) = services.report(replace(report, actor=actor))
    if entry is None:
        return Replay(Outcome.UNMATCHED, why_unmatched(report))
    return Replay(entry.decision.outcome, entry.decision.reason, changes(entry), entry)


def changes(entry: Entry) -> list[str]:
    """What a decision changed, a few words each."""
    before, after = entry.before, entry.decision.registration
    found = []
    if before.status is not after.status:
        found.append(f"{before.status} → {after.status}")
    if before.amount_refunded != after.amount_refunded:
        found.append(f"amount_refunded {before.amount_refunded} → {after.amount_refunded}")
    if before.review != after.review:
        found.append(f"review {before.review} → {after.review}")
    found += [f"payment {p.key} {p.status}" for p in after.payments if p not in before.payments]
    found += [f"refund of {order.amount} ordered" for order in entry.decision.refunds]
    found += [f"mail {kind}" for kind in entry.decision.mails]
    return found
