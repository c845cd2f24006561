"""The jobs that compare Stripe with the database."""

from datetime import timedelta

from procrastinate.contrib.django import app

from inscrit import config
from inscrit.jobs import in_database

from . import story
from .lock import AlreadyRunning
from .services import BrokenOff, reconcile
from .window import MONTH


@app.periodic(cron="*/15 * * * *")
@app.task(queue="money", queueing_lock="reconciliation", lock="reconciliation")
async def reconcile_what_is_new(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every quarter of an hour: what happened since the last time, and what is open."""
    await _reconcile()


@app.periodic(cron="40 3 * * *")
@app.task(queue="money", queueing_lock="reconciliation of a month", lock="reconciliation")
async def reconcile_a_month(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every night: a whole month, for what changed long after it was made, as a failed refund."""
    await _reconcile(MONTH)


async def _reconcile(span: timedelta | None = None) -> None:
    if config.current().stripe_secret_key is None:
        return  # cheques only: there is nothing to compare with
    try:
        done = await reconcile(span)
    except AlreadyRunning:
        story.tell_of_another()
    except BrokenOff as error:
        story.tell_of_breaking_off(str(error))
    else:
        story.tell(done)
        await in_database(story.alert, done)
