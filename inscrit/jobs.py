"""Jobs are Procrastinate's; here is how ours run.

A worker lives for weeks and its database may restart under it: each piece of work takes a
connection that is known to be alive, and gives it back.

A process works on two sides (decision 85): what waits for strangers' servers never takes the slots,
threads and connections of what moves money and places.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
# The mail server and other programs may answer slowly, or never.
STRANGERS = ("mail", "outgoing")
OURS = ("money", "webhooks", "upkeep")
QUEUES = (*STRANGERS, *OURS)
# A mail keeps its connection while it is handed over: half of those in the pool (settings.POOL).
MOST_FOR_STRANGERS = 4
SPARE_THREADS = 4
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
    # Python's own choice, some threads for each core, may be fewer than there are jobs.
    threads = sum(slots for _queues, slots in _sides(concurrency)) + SPARE_THREADS
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
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
            sides = {
                asyncio.create_task(_take_jobs(worker_app, queues, slots))
                for queues, slots in _sides(concurrency)
            }
            told = asyncio.create_task(stopping.wait())
            # A side that ends has lost the database: the other one begins anew with it.
            await asyncio.wait({*sides, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            await _end(sides)


def _sides(concurrency: int) -> Iterator[tuple[tuple[str, ...], int]]:
    """The queues of each side, and how many of their jobs run at a time."""
    for_strangers = max(1, min(concurrency // 2, MOST_FOR_STRANGERS))
    yield STRANGERS, for_strangers
    yield OURS, max(1, concurrency - for_strangers)


async def _end(sides: "set[asyncio.Task[None]]") -> None:
    """Let the jobs begun be done; but a database that is gone must not hold us up for ever."""
    for patience in (GRACE_SECONDS + 2, 2):
        for side in sides:
            side.cancel()
        done, late = await asyncio.wait(sides, timeout=patience)
        if not late:
            break
        log.warning("⚠️  Worker stops, without waiting for its jobs any longer")
    ended = await asyncio.gather(*done, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):  # being cancelled is none
            raise error


async def _take_jobs(worker_app: "App", queues: tuple[str, ...], slots: int) -> None:
    await worker_app.run_worker_async(
        queues=list(queues),
        concurrency=slots,
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
