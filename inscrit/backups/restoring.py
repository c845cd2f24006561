"""Putting a backup back: checked before anything is touched, and all or nothing.

What is in the database is set aside under another schema's name until the backup is in its place;
if that fails, it is where it was.
"""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import psycopg
from django.db import connection
from psycopg import sql

from inscrit import direct
from inscrit.migrating import migrate

from . import BackupError, manifest, tools
from .manifest import DUMP, NAME, Manifest

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper

LARGEST_MANIFEST = 1024 * 1024
ASIDE = "inscrit_set_aside_by_restore"
CHUNK = 1024 * 1024

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
    with tempfile.TemporaryDirectory(prefix="inscrit-restore-") as name:
        dump = Path(name) / DUMP
        about = _unpack(stream, dump)
        # Whatever Django has open would count as somebody else.
        _let_go()
        with tools.connect() as direct:
            server = _one(direct, "SELECT current_setting('server_version_num')::int / 10000")
            manifest.check(about, dump, server)
            with _place(direct, replace=replace):
                _restore(dump, server)
    migrate()
    return about


def _let_go() -> None:
    connection.close()
    cast("DatabaseWrapper", connection).close_pool()


def _unpack(stream: BinaryIO, dump: Path) -> Manifest:
    """The manifest, which comes first, and the dump into a file of ours."""
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as tar:
            first = tar.next()
            about = manifest.read(_read(tar, first, NAME, LARGEST_MANIFEST))
            second = tar.next()
            member = _member(tar, second, DUMP)
            with dump.open("xb") as file:
                while chunk := member.read(CHUNK):
                    file.write(chunk)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackupError(
            f"this is no backup of Inscrit, or only a part of one ({error})"
        ) from None
    return about


def _read(tar: tarfile.TarFile, info: tarfile.TarInfo | None, name: str, most: int) -> bytes:
    if info is not None and info.size > most:
        raise BackupError(f"its {name} is too large")
    return _member(tar, info, name).read(most)


def _member(
    tar: tarfile.TarFile, info: tarfile.TarInfo | None, name: str
) -> "tarfile.ExFileObject":
    found = tar.extractfile(info) if info is not None and info.name == name else None
    if found is None:
        raise BackupError(f"this is no backup of Inscrit: it has no {name}")
    return cast("tarfile.ExFileObject", found)


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


def _restore(dump: Path, server: int) -> None:
    tools.run(
        "pg_restore",
        server,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        f"--dbname={direct.parts()['dbname']}",
        str(dump),
    )


def _one(direct: "psycopg.Connection[tuple[object, ...]]", query: str) -> int:
    row = direct.execute(query).fetchone()
    return cast("int", row[0]) if row else 0
