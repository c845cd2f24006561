"""The database's schema, brought up to date by one process at a time.

All replicas of an update may try at once: the first does it, the others wait and find it done. The
lock is a transaction's, so that a pool of connections on the way (PgBouncer) can't keep it, and it
is asked for again and again, because who waits in a statement would hold up an index that is made
CONCURRENTLY.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
import structlog

LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('inscrit schema'))"
# A long migration on another connection must not cost us the lock.
FOR_AS_LONG_AS_IT_TAKES = "SET LOCAL idle_in_transaction_session_timeout = 0"
PAUSE = 0.5

Connection: TypeAlias = psycopg.Connection[Any]
log = structlog.get_logger()


def update(database_url: str, *, patience: float = 0, verbosity: int = 0) -> None:
    """Apply what is missing, after ``patience`` seconds at most for a database that starts.

    Raises psycopg.OperationalError if it does not answer by then.
    """
    from django.core.management import call_command

    with _connected(database_url, patience) as connection, _alone(connection):
        call_command("migrate", interactive=False, verbosity=verbosity)


def _connected(database_url: str, patience: float) -> Connection:
    until = time.monotonic() + patience
    while True:
        try:
            return psycopg.connect(database_url, connect_timeout=5)
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
        log.info("⏳ Waiting for the database")
        time.sleep(PAUSE * 2)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    while not _is_ours(connection):
        connection.rollback()
        time.sleep(PAUSE)
    connection.execute(FOR_AS_LONG_AS_IT_TAKES)
    yield


def _is_ours(connection: Connection) -> bool:
    return connection.execute(LOCK).fetchone() == (True,)
