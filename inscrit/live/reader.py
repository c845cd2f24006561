"""Reads the places of events from the database, on a connection of its own."""

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import structlog

from inscrit.sql import statements

SQL = statements(Path(__file__).parent / "sql" / "places.sql")
# However many ask, in a process, PostgreSQL is asked once in so many seconds.
PAUSE = 0.005
# Who answers nothing for so many seconds is given up.
PATIENCE = 10.0

Bodies = dict[str, bytes]
log = structlog.get_logger()


class Unavailable(Exception):
    """The places can't be read at the moment."""


class Reader:
    """Published events' places, as JSON, by the events' ids. One per event loop."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()
        self._asked: set[str] = set()
        self._answer: asyncio.Task[Bodies] | None = None
        self._rested = 0.0
        self._is_trusted = True
        self._fails = False

    async def read(self, event_ids: list[str]) -> Bodies:
        """Those of these events that are published. Raises Unavailable."""
        async with self._turn:
            return await self._ask(event_ids)

    async def now(self, event_id: str) -> bytes | None:
        """The places no earlier than this was asked, None if there is no such published event.

        Those who ask while others are answered share the next reading. Raises Unavailable.
        """
        self._asked.add(event_id)
        if self._answer is None:
            self._answer = asyncio.create_task(self._read_asked(), name="places asked for")
        return (await asyncio.shield(self._answer)).get(event_id)

    def distrust(self) -> None:
        """Whoever reads next takes another connection. Nobody's is closed while it is waited on."""
        self._is_trusted = False

    async def close(self) -> None:
        if self._answer is not None:
            self._answer.cancel()
        async with self._turn:
            await self._disconnect()

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _read_asked(self) -> Bodies:
        await asyncio.sleep(self._rested - time.monotonic())
        async with self._turn:
            asked, self._asked, self._answer = self._asked, set(), None
            self._rested = time.monotonic() + PAUSE
            return await self._ask(list(asked))

    async def _ask(self, event_ids: list[str]) -> Bodies:
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._ask_again_if_lost(event_ids)
        except (psycopg.Error, TimeoutError) as error:
            await self._disconnect()
            self._tell_of(error)
            raise Unavailable from error
        self._fails = False
        return found

    def _tell_of(self, error: psycopg.Error | TimeoutError) -> None:
        """Once, until a reading succeeds again: very many may ask."""
        if not self._fails:
            why = str(error).partition("\n")[0] or type(error).__name__
            log.warning("⚠️  Places can't be read", error=why)
        self._fails = True

    async def _ask_again_if_lost(self, event_ids: list[str]) -> Bodies:
        known = self._connection
        if known is not None and not known.closed and self._is_trusted:
            try:
                return await _query(known, event_ids)
            except psycopg.OperationalError:
                pass  # it was lost since; a new one may be had
        await self._disconnect()
        self._is_trusted = True
        self._connection = await connect(self._database_url)
        return await _query(self._connection, event_ids)


async def connect(database_url: str) -> "psycopg.AsyncConnection[Any]":
    """A connection of live places. Raises psycopg.Error."""
    return await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, connect_timeout=3, application_name="inscrit-live"
    )


async def _query(connection: "psycopg.AsyncConnection[Any]", event_ids: list[str]) -> Bodies:
    cursor = await connection.execute(SQL["read_places"], {"ids": event_ids})
    return {row[0]: _body(*row[1:]) for row in await cursor.fetchall()}


def _body(
    capacity: int | None,
    confirmed: int,
    held: int,
    remaining: int | None,
    next_release_at: str | None,
) -> bytes:
    return msgspec.json.encode(
        {
            "capacity": capacity,
            "confirmed": confirmed,
            "held": held,
            "remaining": remaining,
            "next_release_at": next_release_at,
        }
    )
