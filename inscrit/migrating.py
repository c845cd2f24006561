"""Bringing the schema up to date while other replicas start, and old ones still work.

One process at a time migrates; the others wait for it and then find nothing to do. A change that
can't have its lock soon lets those go who queue behind it, and tries again a little later: a
visitor waits for seconds at most. Each migration is a transaction, or one index that is made
beside what goes on, so trying again is safe, also after it was killed.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
import structlog
from django.core.management import call_command
from django.db import OperationalError, connection

from inscrit import direct, sessions

# Where a restore keeps what was there, until the backup is in its place.
ASIDE = "inscrit_set_aside_by_restore"
INDEX = re.compile(r'CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?"?(\w+)')
LOCK = "hashtext('inscrit migrate')"
LOCK_TIMEOUT = "4s"
ATTEMPTS, PAUSE_SECONDS, ASK_SECONDS = 60, 2.0, 0.5
CONNECT_PAUSE_SECONDS = 1.0

T = TypeVar("T")

log = structlog.get_logger()


def migrate(verbosity: int = 0, *, patience: float = 0) -> None:
    """Waits ``patience`` seconds at most for a database that starts.

    Raises django.db.OperationalError if it does not answer by then, or once a lock was not to be
    had for minutes.
    """
    with alone(patience) as held:
        put_back_what_was_aside(held)
        bring_up_to_date(verbosity)


def bring_up_to_date(verbosity: int = 0) -> None:
    """For whoever is ``alone``. Raises django.db.Error; what was begun may stand half-way."""
    with connection.execute_wrapper(_by_itself):
        _again_while_busy(lambda: _migrate(verbosity))


def _migrate(verbosity: int) -> None:
    _set_lock_timeout(LOCK_TIMEOUT)
    try:
        call_command("migrate", interactive=False, verbosity=verbosity)
    finally:
        _set_lock_timeout(sessions.LOCK_TIMEOUT)


def _again_while_busy(work: Callable[[], T]) -> T:
    """What ended for want of a lock left nothing behind: it is done again a little later."""
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            log.info("⏳ Migration waits for a busy table", attempt=attempt)
            time.sleep(PAUSE_SECONDS)
    return work()


def _by_itself(
    execute: Callable[..., T], sql: str, parameters: object, many: object, context: object
) -> T:
    """Outside of a transaction each statement is done again by itself: those before it are done.

    What runs concurrently keeps nobody waiting, and may wait itself: for a backup, for example.
    """
    if connection.in_atomic_block:
        return execute(sql, parameters, many, context)
    if "CONCURRENTLY" not in sql:
        try:
            return _again_while_busy(lambda: execute(sql, parameters, many, context))
        except OperationalError as error:
            # Given up: without its cause, so that the whole is not done again.
            raise OperationalError(str(error)) from None
    _set_lock_timeout("0")
    try:
        if name := INDEX.match(sql):
            # What is there of it is of a try that was killed, and is used by nobody.
            execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name[1]}"', None, many, context)
        return execute(sql, parameters, many, context)
    finally:
        _set_lock_timeout(LOCK_TIMEOUT)


def _set_lock_timeout(span: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [span])


Connection = psycopg.Connection[tuple[object, ...]]


@contextmanager
def alone(patience: float = 0) -> Iterator[Connection]:
    """Nobody else migrates or restores meanwhile; a connection where each statement counts at once.

    PostgreSQL lets go of the lock with this connection, however this process ends. Raises
    django.db.OperationalError if the database does not answer after ``patience`` seconds.
    """
    with _connected(direct.address(), patience) as held:
        held.execute(sessions.LOOKED_AFTER)
        _wait_for_lock(held)
        yield held


def put_back_what_was_aside(held: Connection) -> None:
    """What a restore had set aside, and did not come to the end: nothing counts of what it did."""
    if not _is_aside(held):
        return
    with held.transaction():
        held.execute("DROP SCHEMA public CASCADE")
        held.execute(f"ALTER SCHEMA {ASIDE} RENAME TO public")
    log.warning("⚠️  A restore was not finished: what was there before is back")


def a_restore_is_unfinished() -> bool:
    """Whether what stands in the database may yet give way to what was there before.

    A database that does not answer does not tell.
    """
    try:
        with psycopg.connect(direct.address(), connect_timeout=5) as asked:
            return _is_aside(asked)
    except psycopg.OperationalError:
        return False


def _is_aside(asked: Connection) -> bool:
    found = asked.execute("SELECT to_regnamespace(%s) IS NOT NULL", [ASIDE]).fetchone()
    return found == (True,)


def _wait_for_lock(held: Connection) -> None:
    """By asking again and again: an index made concurrently would wait for a query that waits."""
    told = False
    while held.execute(f"SELECT pg_try_advisory_lock({LOCK})").fetchone() != (True,):
        if not told:
            log.info("⏳ Another process migrates, waiting for it")
        told = True
        time.sleep(ASK_SECONDS)


def _connected(address: str, patience: float) -> Connection:
    until = time.monotonic() + patience
    while True:
        try:
            return psycopg.connect(address, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise OperationalError(str(error)) from error
        log.info("⏳ Waiting for the database")
        time.sleep(CONNECT_PAUSE_SECONDS)
