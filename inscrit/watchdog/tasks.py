"""The job that looks at the invariants."""

from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import services


@app.periodic(cron="*/5 * * * *")
@app.task(queue="upkeep", queueing_lock="watchdog", lock="watchdog")
async def watch(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every five minutes: look at the five invariants."""
    await in_database(services.watch)
