"""The places of every event that somebody looks at, in memory and always current.

PostgreSQL says which event moved (LISTEN/NOTIFY, a trigger on the event's row); its places are
then read once for this process, however many people watch. While the connection is down nothing
is served from memory.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import structlog

from inscrit import direct

from .channel import Channel, in_turns
from .reader import PATIENCE, Reader, Unavailable, connect
from .watcher import Watcher

CHANNEL = "inscrit_places"
# Changes closer together than this reach the watchers as one.
BREATH = 0.05
# Telling a crowd takes its time; so much longer is then rested, so that webhooks have most of it.
REST = 4
LONGEST_REST = 1.0
HEARTBEAT_SECONDS = 20.0
MOST_EVENTS = 100
RECONNECT = 1.0
# Having heard nothing for so many seconds one asks.
SILENCE = 60.0

log = structlog.get_logger()


class Places:
    """This process's view of all places. One per event loop."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._channels: dict[str, Channel] = {}
        self._reader = Reader(database_url)
        self._listening = False
        self._telling = asyncio.Lock()
        self._watchers: set[Watcher] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._run(), name="live places"),
            asyncio.create_task(self._keep_open(), name="live heartbeat"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._reader.close()

    async def now(self, event_id: str) -> bytes | None:
        """An event's places as the database has them, None if it isn't published.

        Raises Unavailable.
        """
        return await self._reader.now(event_id)

    async def channels(self, event_ids: list[str]) -> list[Channel]:
        """The channels of those that are published events. Raises Unavailable."""
        if not self._listening:
            raise Unavailable
        unknown = [event_id for event_id in event_ids if event_id not in self._channels]
        if unknown:
            await self._read(unknown)
        return [self._channels[id_] for id_ in event_ids if id_ in self._channels]

    @contextmanager
    def watched(self, channels: list[Channel], watcher: Watcher, *, many: bool) -> Iterator[None]:
        """Tell the watcher whenever these places move."""
        followed = [each.among_others if many else each.alone for each in channels]
        for watchers in (self._watchers, *followed):
            watchers.add(watcher)
        try:
            yield
        finally:
            for watchers in (self._watchers, *followed):
                watchers.discard(watcher)

    async def _keep_open(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await in_turns(self._watchers, Watcher.keep_open)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, Unavailable, TimeoutError) as error:
                why = str(error.__cause__ or error) or type(error).__name__
                log.warning("⚠️  Live places lost the database, connecting again", error=why)
                self._look_over_the_pool()
            finally:
                self._listening = False
                self._reader.distrust()  # it may be cut off as well
            await asyncio.sleep(RECONNECT)

    def _look_over_the_pool(self) -> None:
        """Who listens hears first that the database went. A line that is cut may keep it for
        minutes: nobody waits for that.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(_look_over_the_pool(), name="look over the pool")

    async def _listen(self) -> None:
        """Follow the database: one connection hears which event moved, another one reads."""
        async with await connect(self._database_url) as listener:
            await listener.execute(f"LISTEN {CHANNEL}")
            self._listening = True
            await self._read(list(self._channels))  # whatever moved while nobody listened
            while True:
                heard = await _heard(listener)
                if not heard:
                    await asyncio.wait_for(self._make_sure(listener), PATIENCE)
                elif moved := heard & self._channels.keys():
                    began = time.monotonic()
                    await self._read(list(moved))
                    await asyncio.sleep(min(LONGEST_REST, REST * (time.monotonic() - began)))

    async def _make_sure(self, listener: "psycopg.AsyncConnection[Any]") -> None:
        """Who hears nothing may be cut off without knowing it: ask, and read all anew."""
        await listener.execute("SELECT 1")
        await self._read(list(self._channels))

    async def _read(self, event_ids: list[str]) -> None:
        """Read these events' places and publish them; an event that is gone loses its channel."""
        # One at a time, until all is told: an older reading never overtakes a newer one.
        async with self._telling:
            if not self._listening:
                raise Unavailable
            found = await self._reader.read(event_ids)
            for event_id in event_ids:
                await self._publish(event_id, found.get(event_id))

    def _forget(self, event_id: str) -> None:
        """Its streams end: whoever opens one again, once it is there again, is told of it anew."""
        channel = self._channels.pop(event_id, None)
        if channel is not None:
            for watcher in (*channel.alone, *channel.among_others):
                watcher.leave()

    async def _publish(self, event_id: str, body: bytes | None) -> None:
        if body is None:
            self._forget(event_id)
        elif event_id in self._channels:
            await self._channels[event_id].publish(body)
        else:
            self._channels[event_id] = Channel(event_id, body)


async def _look_over_the_pool() -> None:
    with suppress(psycopg.Error):
        await asyncio.to_thread(direct.look_over_the_pool)


async def _heard(listener: "psycopg.AsyncConnection[Any]") -> set[str]:
    """Wait for an event to move; all those that do within a breath, or none in a long time."""
    heard = {notice.payload async for notice in listener.notifies(timeout=SILENCE, stop_after=1)}
    if not heard:
        return heard
    await asyncio.sleep(BREATH)
    return heard | {notice.payload async for notice in listener.notifies(timeout=0)}
