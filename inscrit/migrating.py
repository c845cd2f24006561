"""Bringing the schema up to date while other replicas start, and old ones still work.

One process at a time migrates; the others wait for it and then find nothing to do. A change that
can't have its lock soon lets those go who queue behind it, and tries again a little later: a
visitor waits for seconds at most. Each migration is a transaction, so trying again is safe.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog
from django.core.management import call_command
from django.db import OperationalError, connection
from psycopg.conninfo import make_conninfo

LOCK = "hashtext('inscrit migrate')"
LOCK_TIMEOUT = "4s"
ATTEMPTS, PAUSE_SECONDS = 60, 2.0

log = structlog.get_logger()


def migrate(verbosity: int = 0) -> None:
    """Raises django.db.OperationalError once a lock was not to be had for minutes."""
    with _alone():
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _migrate(verbosity)
            except OperationalError as error:
                busy = isinstance(error.__cause__, psycopg.errors.LockNotAvailable)
                if not busy or attempt == ATTEMPTS:
                    raise
                log.info("⏳ Migration waits for a busy table", attempt=attempt)
                time.sleep(PAUSE_SECONDS)
            else:
                return


def _migrate(verbosity: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
    try:
        call_command("migrate", interactive=False, verbosity=verbosity)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


@contextmanager
def _alone() -> Iterator[None]:
    """PostgreSQL lets go of the lock with its connection, however this process ends."""
    stated = connection.get_connection_params().items()
    address = make_conninfo(**{part: value for part, value in stated if isinstance(value, str)})
    with _connected(address) as held:
        row = held.execute(f"SELECT pg_try_advisory_lock({LOCK})").fetchone()
        if row != (True,):
            log.info("⏳ Another process migrates, waiting for it")
            held.execute(f"SELECT pg_advisory_lock({LOCK})")
        yield


def _connected(address: str) -> "psycopg.Connection[tuple[object, ...]]":
    try:
        return psycopg.connect(address, autocommit=True)
    except psycopg.OperationalError as error:
        raise OperationalError(str(error)) from error
