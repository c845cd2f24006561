"""The jobs that look after the others: at the invariants, and at jobs whose worker died."""

import structlog
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from inscrit.jobs import in_database

from . import payment_pages, services

log = structlog.get_logger()


@app.periodic(cron="*/5 * * * *")
@app.task(queue="upkeep", queueing_lock="watchdog", lock="watchdog")
async def watch(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every five minutes: look at the five invariants, and at whether people can pay."""
    await in_database(services.watch)
    await in_database(payment_pages.tell_if_nobody_can_pay)


@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", queueing_lock="stalled jobs")
async def retry_stalled_jobs(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: jobs whose worker died under them are given to another one."""
    for job in await app.job_manager.get_stalled_jobs():
        log.warning("♻️  Job of a dead worker is taken up again", task=job.task_name, job=job.id)
        try:
            await app.job_manager.retry_job(job)
        except (AlreadyEnqueued, ConnectorException):
            # A periodic job: its successor waits already, and waits for this one to end.
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
