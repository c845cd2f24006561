"""The group committer: whatever has queued up is decided and committed in one transaction.

Only after the commit are the waiting requests answered, so a 2xx to Stripe means: it is durable.
While one batch is being committed the next one queues up, and is decided once it is as large; that
is where the speed comes from.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from inscrit.monitoring import logs
from inscrit.registrations.ledger import Desk

from .inbox import Batch, Received
from .writer import Busy, Writer

__all__ = ["Busy", "Committer"]

WRITERS = 2
MOST_IN_A_BATCH = 256
MOST_WAITING = 4096

Waiting = tuple[Received, asyncio.Future[None]]
log = structlog.get_logger()


class Committer:
    """Takes deliveries one by one, commits them together. One per process and event loop."""

    def __init__(
        self, database_url: str, *, livemode: bool | None, desk: Desk | None = None
    ) -> None:
        self._free = [Writer(database_url, livemode=livemode, desk=desk) for _ in range(WRITERS)]
        self._waiting: deque[Waiting] = deque()
        self._under_way: dict[asyncio.Task[None], int] = {}  # how many each of them commits
        self._is_running = False

    def queued(self) -> int:
        """How many wait for the next commit."""
        return len(self._waiting)

    async def start(self) -> None:
        self._is_running = True

    async def stop(self) -> None:
        """Commit what is waiting, then end."""
        self._is_running = False
        self._begin()
        while self._under_way:
            await asyncio.wait(self._under_way)
        for writer in self._free:
            await writer.disconnect()

    async def commit(self, received: Received) -> None:
        """Return once this delivery is durable. Raises Busy."""
        if not self._is_running:
            raise Busy("the lane is not running")
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("too many events are waiting")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((received, done))
        loop.call_soon(self._begin)  # together with those that come in this very moment
        await done

    def _begin(self) -> None:
        """Commit what is waiting; beside another batch only once it is as large as that one.

        Else whoever comes first would go alone, and all the others wait for that.
        """
        while self._free and len(self._waiting) >= min(self._under_way.values(), default=1):
            size = min(len(self._waiting), MOST_IN_A_BATCH)
            taken = [self._waiting.popleft() for _ in range(size)]
            task = asyncio.create_task(self._settle(self._free.pop(), taken))
            self._under_way[task] = size
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._begin()

    async def _settle(self, writer: Writer, taken: Sequence[Waiting]) -> None:
        try:
            batches = await writer.store([received for received, _ in taken])
        except Busy as error:
            _answer(taken, error)
        except BaseException:
            _answer(taken, Busy("shutting down"))
            raise
        else:
            _answer(taken, None)
            _tell(batches)
        finally:
            self._free.append(writer)


def _tell(batches: Sequence[Batch]) -> None:
    """After the answer, and never in its way: a log that fails must not end the lane."""
    try:
        with logs.output.together():
            for batch in batches:
                batch.tell()
    except Exception as error:
        log.error("❌ What was committed could not be logged", exc_info=error)


def _answer(taken: Sequence[Waiting], error: Busy | None) -> None:
    for _, done in taken:
        if done.done():  # the request was given up meanwhile
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
