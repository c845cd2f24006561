"""Trying again what failed by our own fault, or came before what it is about."""

from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import services


@app.task(queue="webhooks")
async def retry(event_id: str) -> None:
    """Apply an event again soon; what does not go through now is left to the sweep."""
    await in_database(services.try_again, event_id)


@app.periodic(cron="* * * * *")
@app.task(queue="webhooks", queueing_lock="inbox sweep", lock="inbox sweep")
async def sweep_inbox(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: events that are due for another try, with growing delay."""
    for event_id in await in_database(services.due):
        await in_database(services.try_again, event_id)
