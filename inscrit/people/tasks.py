"""Upkeep of the record of logins."""

import structlog
from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import throttle

log = structlog.get_logger()


@app.periodic(cron="7 4 * * *")
@app.task(queue="upkeep", queueing_lock="old logins")
async def forget_old_logins(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every night: logins older than three months."""
    forgotten = await in_database(throttle.forget)
    if forgotten:
        log.info("🧹 Old logins forgotten", logins=forgotten)
