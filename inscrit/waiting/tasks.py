"""Jobs of the waiting list. A trigger on the event's row asks for ``serve`` when places come free,
in the same transaction; the sweep finds what was left behind, and lists whose time is over.
"""

from contextlib import suppress

import structlog
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from inscrit.events.models import Event
from inscrit.jobs import in_database

from . import services

log = structlog.get_logger()


@app.task(queue="upkeep", retry=RetryStrategy(max_attempts=20, linear_wait=10))
async def serve(event_id: str) -> None:
    """Hand on what is free to those who wait."""
    with suppress(Event.DoesNotExist):  # deleted meanwhile
        await in_database(services.serve, event_id)


@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", queueing_lock="waiting lists", lock="waiting lists")
async def sweep_waiting_lists(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: places that nobody handed on, and lists of events that are over."""
    for event_id in await in_database(services.unserved):
        try:
            await in_database(services.serve, event_id)
        except Exception as error:  # one that fails must not hold up the others
            log.error(
                "❌ Waiting list not served, tried again soon", event=event_id, exc_info=error
            )


@app.periodic(cron="43 4 * * *")
@app.task(queue="upkeep", queueing_lock="forgetting who waited")
async def forget_who_waited(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every night: names and addresses of those who waited for events that are long over."""
    forgotten = await in_database(services.forget_old)
    if forgotten:
        log.info("🧹 Names on waiting lists forgotten", entries=forgotten)
