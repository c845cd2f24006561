"""Jobs are Procrastinate's; here is how ours run.

A worker lives for weeks and its database may restart under it: each piece of work takes a
connection that is known to be alive, and gives it back.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import psycopg
import structlog
from asgiref.sync import sync_to_async
from django.db import connection
from procrastinate.exceptions import ConnectorException

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.contrib.django.django_connector import DjangoConnector

P = ParamSpec("P")
T = TypeVar("T")

RECONNECT_SECONDS = 2
QUEUES = ("mail", "money", "webhooks", "upkeep")
log = structlog.get_logger()


async def in_database(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run synchronous database work in a thread, on a connection of its own."""

    def run() -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connection.close()

    return await sync_to_async(run, thread_sensitive=False)()


def work(concurrency: int) -> None:
    """Take jobs until told to stop; those begun are finished first."""
    asyncio.run(_work(concurrency))


async def _work(concurrency: int) -> None:
    """Work until a signal; a database that goes away is waited for."""
    while True:
        try:
            await _work_while_connected(concurrency)
        except (ConnectorException, psycopg.Error) as error:
            log.warning("⚠️  Worker lost the database, connecting again", error=str(error))
            await asyncio.sleep(RECONNECT_SECONDS)
        else:
            log.info("🛠️  Worker stopped")
            return


async def _work_while_connected(concurrency: int) -> None:
    from procrastinate.contrib.django import app

    connector = cast("DjangoConnector", app.connector).get_worker_connector()
    with app.replace_connector(connector) as worker_app:
        await _take_jobs(worker_app, concurrency)


async def _take_jobs(worker_app: "App", concurrency: int) -> None:
    async with worker_app.open_async():
        log.info("🛠️  Worker ready", concurrency=concurrency)
        await worker_app.run_worker_async(
            queues=list(QUEUES),
            concurrency=concurrency,
            shutdown_graceful_timeout=20,
            delete_jobs="successful",
            fetch_job_polling_interval=2,
        )
