"""The places of every event that somebody looks at, in memory and always current.

PostgreSQL says which event moved (LISTEN/NOTIFY, a trigger on the event's row); its places are
then read once for this process, however many people watch. While the connection is down nothing
is served from memory.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import structlog

from inscrit.sql import statements

SQL = statements(Path(__file__).parent / "sql" / "places.sql")
CHANNEL = "inscrit_places"
# Changes closer together than this reach the watchers as one.
BREATH = 0.05
RECONNECT = 1.0

log = structlog.get_logger()


class Unavailable(Exception):
    """The places can't be read at the moment."""


@dataclass(slots=True)
class Channel:
    """One event's current places, as JSON, and a promise of the next ones."""

    body: bytes
    changed: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def publish(self, body: bytes) -> None:
        if body == self.body:
            return
        self.body = body
        changed, self.changed = self.changed, asyncio.get_running_loop().create_future()
        changed.set_result(None)


class Places:
    """This process's view of all places. One per event loop."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._channels: dict[str, Channel] = {}
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="live places")

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def channel(self, event_id: str) -> Channel | None:
        """The event's channel; None if there is no such published event. Raises Unavailable."""
        if self._connection is None:
            raise Unavailable
        if event_id not in self._channels:
            await self._read([event_id])
        return self._channels.get(event_id)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, Unavailable) as error:
                log.warning("⚠️  Live places lost the database, connecting again", error=str(error))
            finally:
                self._connection = None
            await asyncio.sleep(RECONNECT)

    async def _listen(self) -> None:
        """Follow the database: one connection hears which event moved, another one reads."""
        listener = await self._connect()
        reader = await self._connect()
        async with listener, reader:
            await listener.execute(f"LISTEN {CHANNEL}")
            self._connection = reader
            await self._read(list(self._channels))  # whatever moved while nobody listened
            while True:
                moved = await _heard(listener) & self._channels.keys()
                if moved:
                    await self._read(list(moved))

    async def _connect(self) -> "psycopg.AsyncConnection[Any]":
        return await psycopg.AsyncConnection.connect(
            self._database_url, autocommit=True, connect_timeout=3, application_name="inscrit-live"
        )

    async def _read(self, event_ids: list[str]) -> None:
        """Read these events' places and publish them; an event that is gone loses its channel."""
        if self._connection is None:
            raise Unavailable
        try:
            async with self._reading:
                cursor = await self._connection.execute(SQL["read_places"], {"ids": event_ids})
                found = {row[0]: _body(*row[1:]) for row in await cursor.fetchall()}
        except psycopg.Error as error:
            raise Unavailable from error
        for event_id in event_ids:
            self._publish(event_id, found.get(event_id))

    def _publish(self, event_id: str, body: bytes | None) -> None:
        if body is None:
            self._channels.pop(event_id, None)
        elif event_id in self._channels:
            self._channels[event_id].publish(body)
        else:
            self._channels[event_id] = Channel(body)


async def _heard(listener: "psycopg.AsyncConnection[Any]") -> set[str]:
    """Wait for an event to move; all those that do within a breath."""
    heard = {notice.payload async for notice in listener.notifies(stop_after=1)}
    await asyncio.sleep(BREATH)
    return heard | {notice.payload async for notice in listener.notifies(timeout=0)}


def _body(
    capacity: int | None, confirmed: int, held: int, waiting: int, next_release_at: str | None
) -> bytes:
    # As events.models has it: those who wait come first.
    remaining = None if capacity is None else max(0, capacity - confirmed - held - waiting)
    return msgspec.json.encode(
        {
            "capacity": capacity,
            "confirmed": confirmed,
            "held": held,
            "remaining": remaining,
            "next_release_at": next_release_at,
        }
    )
