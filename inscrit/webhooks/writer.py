"""One connection of the webhook lane: a batch is decided and committed in one transaction."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import psycopg
import structlog

from inscrit.registrations.ledger import Desk, Ledger
from inscrit.sessions import NEVER_FORGOTTEN
from inscrit.sql import Statement

from .inbox import Batch, Received

CONNECT_SECONDS = 3
PATIENCE_SECONDS = 10
# Longer than this and Stripe had better try again later: nothing was acknowledged.
LIMITS = (
    "SET statement_timeout = '8s'; SET lock_timeout = '4s'; SET application_name = 'inscrit';"
    # Every statement of the lane looks rows up by their keys. A plan made while the tables were
    # empty, and kept for the connection's life, must not read them from end to end later.
    " SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
    " SET plan_cache_mode = force_generic_plan; SET jit = off; " + NEVER_FORGOTTEN
)

T = TypeVar("T")
log = structlog.get_logger()


class Busy(Exception):
    """The event could not be stored; nothing was acknowledged, Stripe will send it again."""


class Writer:
    """Stores batches one after the other."""

    def __init__(self, database_url: str, *, livemode: bool | None, desk: Desk | None) -> None:
        self._database_url = database_url
        self._livemode = livemode
        self._desk = desk
        self._connection: psycopg.AsyncConnection[tuple[object, ...]] | None = None

    async def store(self, deliveries: Sequence[Received]) -> list[Batch]:
        """Commit these deliveries; the batches they were committed in. Raises Busy."""
        try:
            return [await self._committed(deliveries)]
        except (psycopg.OperationalError, TimeoutError) as error:
            await self.disconnect()
            log.error(
                "❌ Stripe events not stored, the database can't be written",
                error=str(error) or type(error).__name__,
            )
            raise Busy("the database can't be written") from error
        except Exception as error:
            log.error("❌ A batch of Stripe events failed, storing one by one", exc_info=error)
            return await self._store_apart(deliveries, error)

    async def _committed(self, deliveries: Sequence[Received]) -> Batch:
        """Once more, where that helps: what was stored all the same is known the second time."""
        used_before = self._connection
        try:
            return await self._in_time(self._transact(Batch(deliveries)))
        except psycopg.errors.DeadlockDetected:
            pass  # PostgreSQL has ended one of two that waited for each other; the other goes on.
        except psycopg.OperationalError:
            if used_before is None or not used_before.closed:
                raise
            # It was lost while nobody used it: a new one may be had.
        return await self._in_time(self._transact(Batch(deliveries)))

    async def _store_apart(self, deliveries: Sequence[Received], error: Exception) -> list[Batch]:
        """Store each by itself; the one that fails alone is kept as failed, for a later try."""
        if len(deliveries) > 1:
            return [batch for one in deliveries for batch in await self.store([one])]
        batch = Batch(deliveries)
        batch.fail(f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip())
        try:
            await self._in_time(self._write(batch.writing()))
        except Exception as second:
            await self.disconnect()
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
            for statement in (*batch.writing(), *ledger.writing()):
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

    async def disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


async def _fetch(
    connection: psycopg.AsyncConnection[tuple[object, ...]], todo: Sequence[Statement]
) -> list[list[tuple[object, ...]]]:
    cursors = [await connection.execute(one.query, one.parameters) for one in todo]
    return [await cursor.fetchall() for cursor in cursors]
