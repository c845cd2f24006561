"""Something between us and the database forgets a silent connection and tells nobody."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from psycopg.conninfo import make_conninfo
from structlog.testing import capture_logs

from inscrit import direct
from inscrit.events.models import Event
from inscrit.jobs import in_database
from inscrit.live import places, reader
from inscrit.live.places import Places
from inscrit.registrations import services as registrations
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CancelRequested
from inscrit.waiting import services as waiting

from .account import make_event
from .test_waiting_list import order

pytestmark = pytest.mark.django_db(transaction=True)
SOCKET = "{host}/.s.PGSQL.{port}"


class Between:
    """Passes on what is said on new connections; what was there before it forgets, unasked."""

    def __init__(self) -> None:
        self._passing: list[asyncio.Task[None]] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = {"host": "", "port": "5432"} | direct.parts()
        there = await asyncio.open_unix_connection(SOCKET.format_map(parts))
        for source, sink in ((reader, there[1]), (there[0], writer)):
            self._passing.append(asyncio.create_task(self._pass(source, sink)))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while said := await source.read(65536):
            sink.write(said)

    def forget(self) -> None:
        for task in self._passing:
            task.cancel()
        self._passing.clear()


@asynccontextmanager
async def following(between: Between) -> AsyncIterator[Places]:
    server = await asyncio.start_server(between.take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    it = Places(make_conninfo(**{**direct.parts(), "host": "127.0.0.1", "port": str(port)}))
    await it.start()
    try:
        yield it
    finally:
        await it.stop()
        between.forget()
        server.close()


async def until(it: Places, event: Event, remaining: int) -> None:
    """Ask again and again, also while nothing can be read."""
    for _ in range(400):
        with suppress(reader.Unavailable, TimeoutError):
            (channel,) = await asyncio.wait_for(it.channels([event.pk]), 1)
            if json.loads(channel.body)["remaining"] == remaining:
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never told that {remaining} remain")


def test_live_places_notice_that_they_hear_nothing_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "SILENCE", 0.3)
    monkeypatch.setattr(places, "PATIENCE", 0.5)
    event = make_event(capacity=20)
    # The pool's connections are cut as well, and take their time to notice: nobody waits for that.
    noticed = threading.Event()
    monkeypatch.setattr(direct, "look_over_the_pool", lambda: noticed.wait(120))

    async def story() -> None:
        between = Between()
        async with following(between) as it:
            await until(it, event, 20)
            between.forget()
            await in_database(Event.objects.filter(pk=event.pk).update, capacity=7)
            await until(it, event, 7)
            assert not noticed.is_set()
            noticed.set()

    async_to_sync(story)()


def test_who_joins_the_line_and_leaves_it_moves_the_places_left_for_others() -> None:
    event = make_event(capacity=20)

    async def story() -> None:
        async with following(Between()) as it:
            await until(it, event, 20)
            first = await in_database(registrations.hold_places, order(event, 20))
            entry = await in_database(waiting.join, order(event, 3))
            there_again = Report(CancelRequested(refund=True), "test", first.pk)
            await in_database(registrations.report, there_again)
            await until(it, event, 17)
            await in_database(waiting.leave, entry.pk)
            await until(it, event, 20)

    async_to_sync(story)()


def test_a_session_that_reads_places_and_is_ended_costs_nobody_an_answer() -> None:
    event = make_event(capacity=20)

    async def story() -> None:
        it = reader.Reader(direct.address())
        assert json.loads(await it.now(event.pk) or b"")["remaining"] == 20
        assert await in_database(end_sessions, "inscrit-live") == 1
        assert json.loads(await it.now(event.pk) or b"")["remaining"] == 20
        await it.close()

    async_to_sync(story)()


def end_sessions(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            [name],
        )
        return len(cursor.fetchall())


async def until_there_are(sessions: int, name: str) -> None:
    """PostgreSQL takes a moment to forget one that was closed."""
    for _ in range(100):
        if await in_database(sessions_called, name) == sessions:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {sessions} sessions")


def sessions_called(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [name])
        return int(cursor.fetchone()[0])


def test_a_crowd_that_asks_for_places_shares_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    event = make_event(capacity=20)
    readings: list[list[str]] = []
    really = reader._query

    async def noted(connection: Any, event_ids: list[str]) -> dict[str, bytes]:
        readings.append(event_ids)
        return await really(connection, event_ids)

    monkeypatch.setattr(reader, "_query", noted)

    async def story() -> None:
        it = reader.Reader(direct.address())
        asked = [it.now(event.pk) for _ in range(500)] + [it.now("ev-nobody-knows")]
        *told, nothing = await asyncio.gather(*asked)
        assert {json.loads(each or b"")["remaining"] for each in told} == {20}
        assert nothing is None
        await it.close()

    async_to_sync(story)()
    assert len(readings) == 1
    assert set(readings[0]) == {event.pk, "ev-nobody-knows"}


SLOW = """
SELECT id, 0, 0, 0, length(pg_sleep({seconds})::text), NULL
FROM events_event WHERE id = ANY(%(ids)s)
"""


def test_a_reading_that_takes_too_long_is_given_up_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = make_event(capacity=20)

    async def story() -> None:
        it = reader.Reader(direct.address())
        with monkeypatch.context() as slow, capture_logs() as lines:
            slow.setattr(reader, "PATIENCE", 0.2)
            slow.setitem(reader.SQL, "read_places", SLOW.format(seconds=60))
            for _ in range(2):
                with pytest.raises(reader.Unavailable):
                    await it.now(event.pk)
        told = [line for line in lines if line["event"] == "⚠️  Places can't be read"]
        assert [line["error"] for line in told] == ["TimeoutError"]
        assert json.loads(await it.now(event.pk) or b"")["remaining"] == 20
        await it.close()

    async_to_sync(story)()


def test_who_distrusts_a_connection_disturbs_nobody_who_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = make_event(capacity=20)

    async def story() -> None:
        it = reader.Reader(direct.address())
        with monkeypatch.context() as slow:
            slow.setitem(reader.SQL, "read_places", SLOW.format(seconds=0.5))
            reading = asyncio.create_task(it.now(event.pk))
            await asyncio.sleep(0.2)
            it.distrust()
            assert json.loads(await reading or b"")["remaining"] == 0
        assert json.loads(await it.now(event.pk) or b"")["remaining"] == 20
        await until_there_are(1, "inscrit-live")
        await it.close()
        await until_there_are(0, "inscrit-live")

    async_to_sync(story)()


def test_an_event_that_nobody_watches_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, other = make_event(capacity=20), make_event(capacity=20)
    readings: list[list[str]] = []
    really = reader._query

    async def noted(connection: Any, event_ids: list[str]) -> dict[str, bytes]:
        readings.append(event_ids)
        return await really(connection, event_ids)

    async def story() -> None:
        async with following(Between()) as it:
            await until(it, watched, 20)
            monkeypatch.setattr(reader, "_query", noted)
            for capacity in (30, 40):
                await in_database(Event.objects.filter(pk=other.pk).update, capacity=capacity)
                await asyncio.sleep(3 * places.BREATH)
            await in_database(Event.objects.filter(pk=watched.pk).update, capacity=7)
            await until(it, watched, 7)

    async_to_sync(story)()
    assert readings == [[watched.pk]]


def test_a_session_of_the_pool_neither_waits_nor_is_waited_for_for_ever() -> None:
    names = ["lock_timeout", "idle_in_transaction_session_timeout"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(name) FROM unnest(%s::text[]) AS name", [names])
        assert cursor.fetchall() == [("5s",), ("5min",)]
