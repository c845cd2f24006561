"""A comparison as a person at a terminal reads it, and the same as data."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.utils import translation

from .services import Reconciliation
from .story import summary


def as_text(done: Reconciliation) -> str:
    """A line for each difference, and what it comes to."""
    with translation.override("en"):
        return "\n".join(_lines(done))


def _lines(done: Reconciliation) -> Iterator[str]:
    looked_at = ", ".join(f"{number} {kind}" for kind, number in done.run.checked.items() if number)
    since = f"{done.run.since:%Y-%m-%d %H:%M} UTC"
    yield f"Compared with Stripe since {since}: {looked_at or 'nothing'}"
    for finding in done.findings:
        again = "  (told before) " if finding.known else "  "
        yield again + finding.as_text(dry_run=done.dry_run)
    if done.dry_run:
        yield "This was a dry run: nothing was changed."
    yield summary(done)
    if people := len(done.for_a_person):
        yield f"{people} of them {'needs' if people == 1 else 'need'} a person."


def as_data(done: Reconciliation) -> dict[str, Any]:
    """The same for programs. Times are RFC 3339."""
    run = done.run
    with translation.override("en"):
        findings = [
            {**finding.as_data(), "text": finding.as_text(dry_run=done.dry_run)}
            for finding in done.findings
        ]
    return {
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "since": run.since.isoformat(),
        "dry_run": done.dry_run,
        "checked": run.checked,
        "differences": dict(Counter(str(finding.kind) for finding in done.findings)),
        "healed": done.healed,
        "for_a_person": len(done.for_a_person),
        "findings": findings,
    }
