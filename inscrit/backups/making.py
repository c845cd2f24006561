"""Making a backup: a tar file with a manifest and a dump in PostgreSQL's custom format.

Everything is of one moment: the counts and the dump read the same snapshot, while the system goes
on working.
"""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.db import connection
from django.utils import timezone

from inscrit import __version__
from inscrit.monitoring import audit

from . import BackupError, manifest, tools
from .manifest import DUMP, FORMAT, NAME, Manifest

COUNTED = {
    "events": "events_event",
    "registrations": "registrations_registration",
    "payments": "payments_payment",
    "refunds": "payments_refund",
    "stripe_events": "webhooks_stripeevent",
    "messages": "mail_message",
}


def to_file(path: Path) -> Manifest:
    """Only a whole backup ever stands under that name, and only its owner may read it.

    Raises BackupError.
    """
    if path.exists():
        raise BackupError(f"{path} exists already: a backup overwrites nothing. Name another file.")
    if not path.parent.is_dir():
        raise BackupError(f"there is no folder {path.parent}")
    with _made(path.parent) as (folder, about):
        whole = folder / "whole"
        whole.touch(0o600)
        with whole.open("wb") as file:
            _pack(folder, about, file)
        try:
            os.link(whole, path)
        except FileExistsError:
            raise BackupError(f"{path} has been made by somebody else meanwhile.") from None
    return about


def to_stream(stream: BinaryIO) -> Manifest:
    """Raises BackupError."""
    with _made(None) as (folder, about):
        try:
            _pack(folder, about, stream)
            stream.flush()
        except OSError as error:
            raise BackupError(f"the output can't be written: {error.strerror}") from None
    return about


@contextmanager
def _made(beside: Path | None) -> Iterator[tuple[Path, Manifest]]:
    """A folder of our own (0700) with the dump, and what there is to say of it."""
    try:
        with tempfile.TemporaryDirectory(prefix=".inscrit-backup-", dir=beside) as name:
            yield Path(name), _dump(Path(name) / DUMP)
    except OSError as error:
        where = beside or tempfile.gettempdir()
        raise BackupError(f"{where} can't be written: {error.strerror}") from None


def _dump(path: Path) -> Manifest:
    with audit.snapshot() as cursor:
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version_num')::int")
        snapshot, number = cursor.fetchone() or ("", 0)
        server = number // 10000
        made_at = timezone.now()
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        migrations = [(app, name) for app, name in cursor.fetchall()]
        rows = {}
        for name, table in COUNTED.items():
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own names
            (rows[name],) = cursor.fetchone() or (0,)
        tools.run(
            "pg_dump",
            server,
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--snapshot={snapshot}",
            f"--file={path}",
        )
    print_ = manifest.fingerprint(path)
    return Manifest(FORMAT, __version__, made_at, server, migrations, rows, print_)


def _pack(folder: Path, about: Manifest, stream: BinaryIO) -> None:
    (folder / NAME).write_bytes(about.as_json())
    with tarfile.open(fileobj=stream, mode="w|") as tar:
        for name in (NAME, DUMP):
            tar.add(folder / name, arcname=name)
