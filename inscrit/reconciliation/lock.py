"""One comparison at a time, whichever process or machine makes it.

PostgreSQL lets go of the lock with its connection: a process that dies leaves nothing behind.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg

from inscrit import direct

LOCK = "SELECT pg_try_advisory_lock(hashtext('inscrit reconciliation'))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('inscrit reconciliation'))"


class AlreadyRunning(Exception):
    """Somebody else is comparing at this moment."""


@asynccontextmanager
async def alone() -> AsyncIterator[None]:
    """Hold the lock, on a connection of its own. Raises AlreadyRunning."""
    async with await psycopg.AsyncConnection.connect(direct.address(), autocommit=True) as held:
        row = await (await held.execute(LOCK)).fetchone()
        if row != (True,):
            raise AlreadyRunning
        try:
            yield
        finally:
            # A server takes its time to notice a closed connection: the next run need not wait.
            with suppress(psycopg.OperationalError):
                await held.execute(UNLOCK)
