"""Jobs are Procrastinate's; here is how ours run.

A worker lives for weeks and its database may restart under it: each piece of work takes a
connection that is known to be alive, and gives it back.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import psycopg
import structlog
from asgiref.sync import sync_to_async
from django.db import connection
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper
    from procrastinate import App, JobContext
    from procrastinate.contrib.django.django_connector import DjangoConnector
    from procrastinate.worker import Worker

P = ParamSpec("P")
T = TypeVar("T")

RECONNECT_SECONDS = 2
GRACE_SECONDS = 10
QUEUES = ("mail", "money", "webhooks", "outgoing", "upkeep")
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
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    while not stopping.is_set():
        try:
            await _work_while_connected(concurrency, stopping)
        except (ConnectorException, psycopg.Error, PoolTimeout) as error:
            log.warning("⚠️  Worker lost the database", error=type(error).__name__)
        if not stopping.is_set():
            log.warning("⚠️  Worker connects again", seconds=RECONNECT_SECONDS)
            await asyncio.to_thread(_forget_connections)
            await asyncio.sleep(RECONNECT_SECONDS)
    log.info("🛠️  Worker stopped")


def _forget_connections() -> None:
    """A pool tries a server that is gone less and less often; a new one tries it at once."""
    cast("DatabaseWrapper", connection).close_pool()


async def _work_while_connected(concurrency: int, stopping: asyncio.Event) -> None:
    from procrastinate.contrib.django import app

    connector = cast("DjangoConnector", app.connector).get_worker_connector()
    with app.replace_connector(connector) as worker_app:
        async with worker_app.open_async():
            log.info("🛠️  Worker ready", concurrency=concurrency)
            working = asyncio.create_task(_take_jobs(worker_app, concurrency))
            told = asyncio.create_task(stopping.wait())
            await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            await _end(working)


async def _end(working: "asyncio.Task[None]") -> None:
    """Let the jobs begun be done; but a database that is gone must not hold us up for ever."""
    for patience in (GRACE_SECONDS + 2, 2):
        working.cancel()
        await asyncio.wait({working}, timeout=patience)
        if working.done():
            break
        log.warning("⚠️  Worker stops, without waiting for its jobs any longer")
    with suppress(asyncio.CancelledError):
        if working.done():
            working.result()


async def _take_jobs(worker_app: "App", concurrency: int) -> None:
    await worker_app.run_worker_async(
        queues=list(QUEUES),
        concurrency=concurrency,
        shutdown_graceful_timeout=GRACE_SECONDS,
        delete_jobs="successful",
        fetch_job_polling_interval=2,
        install_signal_handlers=False,
        worker_middleware=[_name_the_job],
    )


async def _name_the_job(
    go_on: "Callable[[], Awaitable[object]]", context: "JobContext", _worker: "Worker"
) -> object:
    """Every line that a job writes says which job it was."""
    with structlog.contextvars.bound_contextvars(job=context.job.id):
        return await go_on()
