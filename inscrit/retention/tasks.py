"""The job that forgets."""

from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import services


@app.periodic(cron="20 4 * * *")
@app.task(queue="upkeep", queueing_lock="purge", lock="purge")
async def purge(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every night: what has had its time."""
    await in_database(services.purge)
