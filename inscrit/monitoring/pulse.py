"""What only a web process can tell of how it is: measured every second, shown by /metrics."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from django.db import connection

from . import metrics

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper

SECONDS = 1.0


class Pulse:
    """``queued`` is how many webhooks wait for the committer."""

    def __init__(self, queued: Callable[[], int]) -> None:
        self._queued = queued
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._beat(), name="pulse")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _beat(self) -> None:
        while True:
            due = time.monotonic() + SECONDS
            await asyncio.sleep(SECONDS)
            metrics.LOOP_DELAY.observe(max(0.0, time.monotonic() - due))
            metrics.WEBHOOKS_QUEUED.set(self._queued())
            _look_at_the_pool()


def _look_at_the_pool() -> None:
    pool = cast("DatabaseWrapper", connection).pool
    if pool is None:
        return
    counted = pool.get_stats()
    idle = counted.get("pool_available", 0)
    metrics.POOL.labels("idle").set(idle)
    metrics.POOL.labels("busy").set(counted.get("pool_size", 0) - idle)
    metrics.POOL_WAITING.set(counted.get("requests_waiting", 0))
