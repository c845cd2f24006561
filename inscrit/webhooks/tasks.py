"""Trying again what failed by our own fault."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import services


@app.task(queue="webhooks", retry=RetryStrategy(max_attempts=20, linear_wait=60))
async def retry(event_id: str) -> None:
    """Apply a failed event again, with growing delay; then it stays failed, for a person."""
    await in_database(services.replay, event_id)
