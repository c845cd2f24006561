"""Putting a backup back, all of it or nothing: read as it comes, so that no room is needed for it.

What is in the database is set aside under another schema's name until the backup is in its place;
if that fails, it is where it was.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, cast

import psycopg
from django.db import connection
from psycopg import sql

from inscrit import direct
from inscrit.migrating import migrate

from . import BackupError, manifest, tools
from .manifest import NAME, SEAL, Manifest

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper

LARGEST_MEMBER = 64 * 1024 * 1024
ASIDE = "inscrit_set_aside_by_restore"

RELATIONS = """
SELECT count(*) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
"""
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
    _let_go()
    with tools.connect() as direct:
        server = _one(direct, "SELECT current_setting('server_version_num')::int / 10000")
        manifest.check(about, server)
        with _place(direct, replace=replace):
            _restore(_dump(members), server)
    migrate()
    return about


def _let_go() -> None:
    connection.close()
    cast("DatabaseWrapper", connection).close_pool()


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
def _place(direct: "psycopg.Connection[tuple[object, ...]]", *, replace: bool) -> Iterator[None]:
    """An empty schema while this lasts; afterwards what was there is gone, or back again."""
    if not _one(direct, RELATIONS):
        yield
        return
    if not replace:
        raise BackupError(
            "the database is not empty. Put it back into an empty one; or, to throw away what is"
            " in this one, say --replace."
        )
    if others := _one(direct, OTHERS):
        raise BackupError(
            f"{others} other connections use this database: stop inscrit serve and inscrit worker,"
            " and whatever else reads it, first"
        )
    aside = sql.Identifier(ASIDE)
    with direct.transaction():
        direct.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(aside))
        direct.execute(sql.SQL("ALTER SCHEMA public RENAME TO {}").format(aside))
        direct.execute("CREATE SCHEMA public")
    try:
        yield
    except BaseException:
        with direct.transaction():
            direct.execute("DROP SCHEMA public CASCADE")
            direct.execute(sql.SQL("ALTER SCHEMA {} RENAME TO public").format(aside))
        raise
    direct.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(aside))


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


def _one(direct: "psycopg.Connection[tuple[object, ...]]", query: str) -> int:
    row = direct.execute(query).fetchone()
    return cast("int", row[0]) if row else 0
