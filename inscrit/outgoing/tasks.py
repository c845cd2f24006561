"""The jobs that tell other programs."""

import structlog
from procrastinate.contrib.django import app

from inscrit.jobs import in_database

from . import delivery, services

log = structlog.get_logger()


@app.task(queue="outgoing")
async def deliver(delivery_ids: list[int]) -> None:
    """Try these messages once; what is not taken now is left to the sweep."""
    await delivery.deliver(delivery_ids)


@app.periodic(cron="* * * * *")
@app.task(queue="outgoing", queueing_lock="outgoing sweep", lock="outgoing sweep")
async def sweep_waiting_deliveries(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: what is due for another try, or was left behind by a worker that died."""
    await in_database(services.due)


@app.periodic(cron="37 4 * * *")
@app.task(queue="upkeep", queueing_lock="old webhook messages")
async def forget_old_messages(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every night: messages older than a month, with the personal data in them."""
    forgotten = await in_database(services.purge)
    if forgotten:
        log.info("🧹 Old webhook messages forgotten", messages=forgotten)
