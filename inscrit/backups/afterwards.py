"""What is to be said and done once a backup is in its place."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone, translation

from inscrit import config
from inscrit.monitoring import audit
from inscrit.reconciliation import services
from inscrit.reconciliation.lock import AlreadyRunning
from inscrit.reconciliation.window import MONTH

from .manifest import Manifest


def tell(about: Manifest) -> Iterator[str]:
    """Lines for a person: what is there now, whether it holds, what Stripe knows beyond it."""
    rows = ", ".join(f"{number} {name}" for name, number in about.rows.items())
    yield f"Put back: the backup of {about.made_at:%Y-%m-%d %H:%M} UTC ({rows})."
    with translation.override("en"):
        yield audit.run().as_text()
        yield from _since(about.made_at)


def _since(made_at: datetime) -> Iterator[str]:
    span = min(timezone.now() - made_at + timedelta(hours=1), MONTH)
    command = f"inscrit reconcile --since {int(span.total_seconds() // 3600) + 1}h"
    yield "Registrations made since the backup are not in it; payments are known to Stripe."
    if config.current().stripe_secret_key is None:
        return
    try:
        found = asyncio.run(services.reconcile(span, dry_run=True))
    except (AlreadyRunning, services.BrokenOff) as error:
        yield f"Stripe could not be asked ({error}). Before anything else, run: {command}"
        return
    for finding in found.findings:
        yield f"  {finding.as_text(dry_run=True)}"
    yield f"Differences: {len(found.findings)}. Before anything else, run: {command}"
