"""Whoever watches places is told how they are now, however slowly they read."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from inscrit.live.channel import AT_ONCE, Channel, in_turns
from inscrit.live.watcher import COME_BACK_MS, Watcher


class Reader:
    """Where a stream ends. Until it ``may_go_on`` nothing more is taken, as by a full socket."""

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.watcher = Watcher(self.send)

    async def send(self, message: Message) -> None:
        await self.may_go_on.wait()
        self.read.append(message["body"])


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@given(bodies=st.lists(st.integers(0, 9).map(lambda n: b"%d" % n), min_size=1, max_size=30))
def test_a_slow_reader_is_told_the_latest_and_holds_nobody_up(bodies: list[bytes]) -> None:
    async def story() -> None:
        channel = Channel("ev-a", b"before")
        slow, quick = Reader(), Reader()
        channel.alone = {slow.watcher, quick.watcher}
        slow.may_go_on.clear()
        for body in bodies:
            await channel.publish(body)
            await settle()
            assert quick.read[-1] == b"event: places\ndata: " + body + b"\n\n"
        assert slow.read == []
        slow.may_go_on.set()
        await settle()
        assert slow.read[-1] == quick.read[-1]
        assert len(slow.read) <= 2  # what was being written when it stopped reading, and the rest

    run(story())


def test_what_did_not_change_is_not_told() -> None:
    async def story() -> None:
        channel, reader = Channel("ev-a", b"{}"), Reader()
        channel.alone.add(reader.watcher)
        await channel.publish(b"{}")
        await settle()
        assert reader.read == []

    run(story())


def test_among_several_events_it_is_said_whose_places_they_are() -> None:
    async def story() -> None:
        channel, reader = Channel("ev-a", b"{}"), Reader()
        channel.among_others.add(reader.watcher)
        await channel.publish(b'{"remaining":3}')
        await settle()
        assert reader.read == [b'event: places\ndata: {"event_id":"ev-a","remaining":3}\n\n']

    run(story())


def test_a_quiet_stream_is_kept_open_and_a_full_one_let_be() -> None:
    async def story() -> None:
        quiet, full = Reader(), Reader()
        full.may_go_on.clear()
        full.watcher.tell("x", b"first")
        await settle()
        full.watcher.tell("x", b"second")
        for reader in (quiet, full):
            reader.watcher.keep_open()
        full.may_go_on.set()
        await settle()
        assert quiet.read == [b": still here\n\n"]
        assert full.read == [b"first", b"second"]

    run(story())


def test_those_who_are_cut_off_do_not_all_come_back_in_the_same_moment() -> None:
    async def story() -> None:
        readers = [Reader() for _ in range(50)]
        for reader in readers:
            await reader.watcher.greet(b"event: places\n\n")
        heard = [reader.read[0].removeprefix(b"retry: ").split(b"\n\n", 1) for reader in readers]
        assert {places for _wait, places in heard} == {b"event: places\n\n"}
        waits = [int(wait) for wait, _places in heard]
        assert len(set(waits)) > 10
        assert all(COME_BACK_MS[0] <= wait <= COME_BACK_MS[1] for wait in waits)

    run(story())


def test_a_crowd_leaves_turns_for_others() -> None:
    async def story() -> None:
        told: list[Watcher] = []
        turns: list[int] = []

        async def somebody_else() -> None:
            while len(told) < 3 * AT_ONCE:
                turns.append(len(told))
                await asyncio.sleep(0)

        other = asyncio.create_task(somebody_else())
        await in_turns([Reader().watcher for _ in range(3 * AT_ONCE)], told.append)
        await other
        assert AT_ONCE in turns
        assert 2 * AT_ONCE in turns

    run(story())


def test_who_has_left_is_written_to_no_more() -> None:
    async def story() -> None:
        reader = Reader()
        reader.may_go_on.clear()
        reader.watcher.tell("x", b"first")
        await settle()

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        await reader.watcher.until_gone(receive)
        reader.may_go_on.set()
        await settle()
        assert reader.read == []

    run(story())
