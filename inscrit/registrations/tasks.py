"""Upkeep: what would otherwise stay behind."""

import structlog
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from inscrit.jobs import in_database

from .models import IdempotencyKey
from .services import KEYS_LIVE

log = structlog.get_logger()


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


@app.periodic(cron="17 4 * * *")
@app.task(queue="upkeep", queueing_lock="old keys")
async def forget_idempotency_keys(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every night: keys that are honoured no more."""
    old = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEYS_LIVE)
    await in_database(old.delete)
