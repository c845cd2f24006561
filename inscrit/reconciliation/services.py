"""Comparing Stripe with the database, in both directions.

What was put right stays so, whatever happens afterwards; each kind of object that was looked at
to its end moves its own cursor.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from inscrit.jobs import in_database
from inscrit.payments.stripe_gateway import StripeRefused, StripeUnavailable

from . import ours, theirs
from .comparison import Comparison
from .findings import Finding, Result
from .lock import alone
from .models import ReconciliationRun
from .window import MONTH, Window

# Events first: what they tell is then in the inbox, and named in the journal. Refunds and disputes
# last: their payments are known by then.
KINDS = {
    "events": theirs.undelivered_events,
    "sessions": theirs.sessions,
    "payments": theirs.payments,
    "refunds": theirs.refunds,
    "disputes": theirs.disputes,
}
MOST_FINDINGS_KEPT = 1000
QUIET_RUNS_KEPT = timedelta(days=7)


class BrokenOff(Exception):
    """Stripe gave no answer, or said no; the message says when. The next run goes on from there."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a comparison found; ``run`` is its record, which a dry run does not store."""

    run: ReconciliationRun
    findings: Sequence[Finding]
    dry_run: bool

    @property
    def healed(self) -> int:
        return sum(not finding.needs_person for finding in self.findings)

    @property
    def for_a_person(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.needs_person]


async def reconcile(span: timedelta | None = None, *, dry_run: bool = False) -> Reconciliation:
    """Compare, and put right what the lifecycle can put right.

    ``span`` says how far to look back, else it goes on where the last comparison ended. A dry run
    changes nothing and stores nothing. Raises AlreadyRunning, BrokenOff.
    """
    async with alone():
        run, comparison = await in_database(_begin, span, dry_run=dry_run)
        step, since, troubles = "", comparison.window.start("payments"), list[str]()
        try:
            for step, compare in KINDS.items():
                try:
                    await compare(comparison, comparison.window.start(step))
                except StripeRefused as error:
                    # A restricted key may not read one kind: the others are compared all the same.
                    troubles.append(_why(error, step))
                    continue
                comparison.window.done(step)
                await in_database(_keep, run, comparison)
            step = "what is open here"
            await ours.look(comparison, since)
        except (StripeUnavailable, StripeRefused) as error:
            troubles.append(_why(error, step))
        if troubles:
            run.error = "; ".join(troubles)
            await in_database(_keep, run, comparison)
            raise BrokenOff(run.error)
        run.finished_at = timezone.now()
        await in_database(_keep, run, comparison)
        return Reconciliation(run, comparison.findings, dry_run)


def _why(error: StripeUnavailable | StripeRefused, step: str) -> str:
    said = "said no" if isinstance(error, StripeRefused) else "gave no answer"
    return f"Stripe {said} ({error}) while looking at: {step}"


def _begin(span: timedelta | None, *, dry_run: bool) -> tuple[ReconciliationRun, Comparison]:
    now = timezone.now()
    last = ReconciliationRun.objects.first()
    window = Window.after(now, span, last.cursors if last else {})
    run = ReconciliationRun(started_at=now, since=min(map(window.start, KINDS)))
    comparison = Comparison(window, dry_run, told_before=_told_before(now))
    _keep(run, comparison)
    return run, comparison


def _told_before(now: datetime) -> frozenset[tuple[str, str]]:
    """What earlier runs could not put right: as long as it stays so it is no new difference."""
    runs = ReconciliationRun.objects.filter(started_at__gte=now - MONTH).exclude(findings=[])
    return frozenset(
        (finding["kind"], finding["subject"])
        for findings in runs.values_list("findings", flat=True)
        for finding in findings
        if finding["result"] == Result.OPEN
    )


def _keep(run: ReconciliationRun, comparison: Comparison) -> None:
    """Store how far it is. The metrics add up all runs: only quiet ones are ever forgotten."""
    found = sorted(comparison.findings, key=lambda finding: not finding.needs_person)
    run.cursors = comparison.window.as_data()
    run.checked = dict(comparison.checked)
    run.differences = dict(Counter(str(one.kind) for one in found if not one.known))
    run.findings = [finding.as_data() for finding in found[:MOST_FINDINGS_KEPT]]
    if comparison.dry_run:
        return
    run.save()
    quiet = ReconciliationRun.objects.filter(
        differences={}, started_at__lt=run.started_at - QUIET_RUNS_KEPT
    )
    quiet.delete()
