"""Putting a backup back, all of it or nothing: read as it comes, so that no room is needed for it.

What is in the database is set aside under another schema's name until the backup is in its place;
if that fails, it is where it was.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import BinaryIO, cast

import psycopg
from django.core.management import CommandError
from django.db import Error
from django.db.migrations.exceptions import InconsistentMigrationHistory

from inscrit import direct
from inscrit.migrating import (
    ASIDE,
    Connection,
    alone,
    bring_up_to_date,
    put_back_what_was_aside,
)

from . import BackupError, manifest, tools
from .manifest import NAME, SEAL, Manifest

TABLES = """
SELECT count(*) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
"""
LARGEST_MEMBER = 64 * 1024 * 1024

OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def from_stream(stream: BinaryIO, *, replace: bool) -> Manifest:
    """Put a backup back, and bring its schema up to date. Raises BackupError."""
    members = _members(stream)
    name, content = next(members, ("", b""))
    if name != NAME:
        raise BackupError(f"this is no backup of Inscrit: it has no {NAME}")
    about = manifest.read(content)
    # Whatever Django has open would count as somebody else.
    direct.leave()
    with alone() as held:
        server = _one(held, "SELECT current_setting('server_version_num')::int / 10000")
        manifest.check(about, server)
        put_back_what_was_aside(held)
        with _place(held, replace=replace):
            _restore(_dump(members), server)
            _migrate()
    return about


def _migrate() -> None:
    try:
        bring_up_to_date()
    except (Error, CommandError, InconsistentMigrationHistory) as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise BackupError(
            f"its tables could not be brought up to date: {why}. What was there before is put back."
        ) from None
    finally:
        direct.leave()


def _members(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """What the file is made of, as it comes: names and contents. Raises BackupError."""
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as tar:
            for member in tar:
                if member.size > LARGEST_MEMBER:
                    raise BackupError(f"this is no backup of Inscrit: {member.name} is too large")
                file = tar.extractfile(member)
                yield member.name, file.read() if file else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackupError(
            f"this is no backup of Inscrit, or only a part of one ({error})"
        ) from None


def _dump(members: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    """The dump, part by part. Raises BackupError unless all of it is what was written.

    The last part is held back until that is known: without it, pg_restore commits nothing.
    """
    digest, held = sha256(), b""
    for name, content in members:
        if name == SEAL:
            if content.decode(errors="replace") != digest.hexdigest():
                raise BackupError(
                    "the file is damaged: its contents are not those that were written"
                )
            yield held
            return
        yield held
        digest.update(content)
        held = content
    raise BackupError(f"this is only a part of a backup: it has no {SEAL} at its end")


@contextmanager
def _place(held: Connection, *, replace: bool) -> Iterator[None]:
    """An empty schema while this lasts; afterwards what was there is gone, or back again.

    Also where nothing was there: else a part of the backup would be left, and be in the next way.
    """
    if _one(held, TABLES):
        _check_that_it_may_go(held, replace=replace)
    _set_aside(held)
    try:
        yield
    except BaseException:
        with held.transaction():
            held.execute("DROP SCHEMA public CASCADE")
            held.execute(f"ALTER SCHEMA {ASIDE} RENAME TO public")
        raise
    held.execute(f"DROP SCHEMA {ASIDE} CASCADE")


def _set_aside(held: Connection) -> None:
    """Raises BackupError."""
    try:
        with held.transaction():
            held.execute(f"ALTER SCHEMA public RENAME TO {ASIDE}")
            held.execute("CREATE SCHEMA public")
    except psycopg.errors.InsufficientPrivilege as error:
        raise BackupError(
            f"what is in the database may not be set aside ({error.diag.message_primary}). Let the"
            " user of DATABASE_URL own it: ALTER DATABASE … OWNER TO …, and in it"
            " ALTER SCHEMA public OWNER TO …"
        ) from None


def _check_that_it_may_go(held: Connection, *, replace: bool) -> None:
    """Raises BackupError."""
    if not replace:
        raise BackupError(
            "the database is not empty. Put it back into an empty one; or, to throw away what is"
            " in this one, say --replace."
        )
    if others := _one(held, OTHERS):
        raise BackupError(
            f"this database is in use (other connections: {others}): stop inscrit serve and inscrit"
            " worker, and whatever else reads it, first"
        )


def _restore(dump: Iterator[bytes], server: int) -> None:
    """All of it, or nothing."""
    with tools.running(
        "pg_restore", server,
        "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
        f"--dbname={direct.parts()['dbname']}",
        fed=True,
    ) as tool:  # fmt: skip
        for part in dump:
            tool.write(part)


def _one(held: Connection, query: str) -> int:
    row = held.execute(query).fetchone()
    return cast("int", row[0]) if row else 0
