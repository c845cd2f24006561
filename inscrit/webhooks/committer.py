"""The group committer: whatever has queued up is decided and committed in one transaction.

Only after the commit are the waiting requests answered, so a 2xx to Stripe means: it is durable.
While one batch waits for the disk, the next one queues up; that is where the speed comes from.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
import structlog

from inscrit.monitoring import logs
from inscrit.registrations.ledger import Desk, Ledger
from inscrit.sql import Statement

from .inbox import Batch, Received

MOST_IN_A_BATCH = 256
MOST_WAITING = 4096
CONNECT_SECONDS = 3
PATIENCE_SECONDS = 10
# Longer than this and Stripe had better try again later: nothing was acknowledged.
LIMITS = (
    "SET statement_timeout = '8s'; SET lock_timeout = '4s'; SET application_name = 'inscrit';"
    # Every statement of the lane looks rows up by their keys. A plan made while the tables were
    # empty, and kept for the connection's life, must not read them from end to end later.
    " SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
    " SET plan_cache_mode = force_generic_plan; SET jit = off"
)

T = TypeVar("T")
log = structlog.get_logger()


class Busy(Exception):
    """The event could not be stored; nothing was acknowledged, Stripe will send it again."""


class Committer:
    """Takes deliveries one by one, commits them together. One per process and event loop."""

    def __init__(
        self, database_url: str, *, livemode: bool | None, desk: Desk | None = None
    ) -> None:
        self._database_url = database_url
        self._livemode = livemode
        self._desk = desk
        self._waiting: asyncio.Queue[tuple[Received, asyncio.Future[None]]] = asyncio.Queue(
            MOST_WAITING
        )
        self._connection: psycopg.AsyncConnection[tuple[object, ...]] | None = None
        self._task: asyncio.Task[None] | None = None

    def queued(self) -> int:
        """How many wait for the next commit."""
        return self._waiting.qsize()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="group committer")

    async def stop(self) -> None:
        """Commit what is waiting, then end."""
        if self._task is None:
            return
        if not self._task.done():
            await self._waiting.join()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._disconnect()

    async def commit(self, received: Received) -> None:
        """Return once this delivery is durable. Raises Busy."""
        if self._task is None or self._task.done():
            raise Busy("the lane is not running")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((received, done))
        except asyncio.QueueFull:
            raise Busy("too many events are waiting") from None
        await done

    async def _run(self) -> None:
        while True:
            taken = [await self._waiting.get()]
            while len(taken) < MOST_IN_A_BATCH and not self._waiting.empty():
                taken.append(self._waiting.get_nowait())
            # Whatever goes wrong with these, even with logging it, the next ones must be served.
            with suppress(Exception):
                await self._settle(taken)

    async def _settle(self, taken: Sequence[tuple[Received, asyncio.Future[None]]]) -> None:
        try:
            batches = await self._store([received for received, _ in taken])
        except Busy as error:
            _answer(taken, error)
        except BaseException:
            _answer(taken, Busy("shutting down"))
            raise
        else:
            _answer(taken, None)
            _tell(batches)
        finally:
            for _ in taken:
                self._waiting.task_done()

    async def _store(self, deliveries: Sequence[Received]) -> list[Batch]:
        """Commit these deliveries; the batches they were committed in. Raises Busy."""
        try:
            return [await self._in_time(self._transact(Batch(deliveries)))]
        except (psycopg.OperationalError, TimeoutError) as error:
            await self._disconnect()
            log.error(
                "❌ Stripe events not stored, the database can't be written",
                error=str(error) or type(error).__name__,
            )
            raise Busy("the database can't be written") from error
        except Exception as error:
            log.error("❌ A batch of Stripe events failed, storing one by one", exc_info=error)
            return await self._store_apart(deliveries, error)

    async def _store_apart(self, deliveries: Sequence[Received], error: Exception) -> list[Batch]:
        """Store each by itself; the one that fails alone is kept as failed, for a later try."""
        if len(deliveries) > 1:
            return [batch for one in deliveries for batch in await self._store([one])]
        batch = Batch(deliveries)
        batch.fail(f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip())
        try:
            await self._in_time(self._write(batch.writing()))
        except Exception as second:
            await self._disconnect()
            raise Busy("the event can't be stored") from second
        return [batch]

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for database work, but not for ever: a server that is cut off says nothing.

        Raises TimeoutError; the connection is then left to itself, never to be used again.
        """
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if done:
            return task.result()
        self._connection = None
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        task.cancel()
        raise TimeoutError

    async def _transact(self, batch: Batch) -> Batch:
        connection = await self._connected()
        ledger = Ledger(livemode=self._livemode, desk=self._desk)
        async with connection.pipeline(), connection.transaction():
            wanted = batch.wanted()
            (locked,) = await _fetch(connection, [ledger.locking(wanted)])
            *rows, known = await _fetch(connection, [*ledger.reading(locked), batch.reading()])
            ledger.take(*rows)
            batch.decide(ledger, known)
            for statement in (*ledger.writing(), *batch.writing()):
                await connection.execute(statement.query, statement.parameters)
        return batch

    async def _write(self, todo: Sequence[Statement]) -> None:
        connection = await self._connected()
        async with connection.transaction():
            for statement in todo:
                await connection.execute(statement.query, statement.parameters)

    async def _connected(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._database_url, autocommit=True, connect_timeout=CONNECT_SECONDS
            )
            await self._connection.execute(LIMITS)
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _tell(batches: Sequence[Batch]) -> None:
    """After the answer, and never in its way: a log that fails must not end the lane."""
    try:
        with logs.output.together():
            for batch in batches:
                batch.tell()
    except Exception as error:
        log.error("❌ What was committed could not be logged", exc_info=error)


async def _fetch(
    connection: psycopg.AsyncConnection[tuple[object, ...]], todo: Sequence[Statement]
) -> list[list[tuple[object, ...]]]:
    cursors = [await connection.execute(one.query, one.parameters) for one in todo]
    return [await cursor.fetchall() for cursor in cursors]


def _answer(taken: Sequence[tuple[Received, asyncio.Future[None]]], error: Busy | None) -> None:
    for _, done in taken:
        if done.done():  # the request was given up meanwhile
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
