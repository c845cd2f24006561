"""The places of one event as its watchers are told them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

import msgspec

from .watcher import Watcher

# So many watchers are told before anybody else gets a turn: some milliseconds.
AT_ONCE = 200


class Channel:
    """One event's current places, as JSON, and who watches them: it alone, or among others."""

    __slots__ = ("alone", "among_others", "body", "event_id")

    def __init__(self, event_id: str, body: bytes) -> None:
        self.event_id = event_id
        self.body = body
        self.alone: set[Watcher] = set()
        self.among_others: set[Watcher] = set()

    def frame(self, *, many: bool) -> bytes:
        """A server-sent event. Among others the data says whose places they are."""
        if not many:
            return b"event: places\ndata: " + self.body + b"\n\n"
        named = b'{"event_id":' + msgspec.json.encode(self.event_id) + b"," + self.body[1:]
        return b"event: places\ndata: " + named + b"\n\n"

    async def publish(self, body: bytes) -> None:
        """Tell everybody, if there is something new."""
        if body == self.body:
            return
        self.body = body
        for watchers, many in ((self.alone, False), (self.among_others, True)):
            frame = self.frame(many=many)
            await in_turns(watchers, lambda watcher, frame=frame: watcher.tell(self, frame))  # type: ignore[misc]


async def in_turns(watchers: Iterable[Watcher], tell: Callable[[Watcher], None]) -> None:
    """Others have their turn in between, however many there are."""
    for some in _slices(list(watchers)):
        for watcher in some:
            tell(watcher)
        await asyncio.sleep(0)


def _slices(watchers: list[Watcher]) -> Iterator[list[Watcher]]:
    for first in range(0, len(watchers), AT_ONCE):
        yield watchers[first : first + AT_ONCE]
