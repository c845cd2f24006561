"""Making a backup: a tar file with a manifest and a dump in PostgreSQL's custom format.

Everything is of one moment: the counts and the dump read the same snapshot, while the system goes
on working. It is written as it comes, so that no room is needed but the backup's own.
"""

import io
import os
import tarfile
import tempfile
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from inscrit import __version__
from inscrit.migrating import ASIDE
from inscrit.monitoring import audit

from . import BackupError, tools
from .manifest import DUMP, FORMAT, NAME, SEAL, Manifest

PART = 4 * 1024 * 1024
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
    try:
        with tempfile.NamedTemporaryFile(
            prefix=".inscrit-backup-", dir=path.parent
        ) as file:  # 0600
            about = to_stream(file)
            os.link(file.name, path)
    except FileExistsError:
        raise BackupError(f"{path} has been made by somebody else meanwhile.") from None
    except OSError as error:
        raise BackupError(f"{path.parent} can't be written: {error.strerror}") from None
    return about


def to_stream(stream: IO[bytes]) -> Manifest:
    """Raises BackupError; what was written until then is known as a part by its missing seal."""
    with audit.snapshot() as cursor:
        about = _describe(cursor)
        try:
            _write(about, _snapshot(cursor), stream)
            stream.flush()
        except OSError as error:
            raise BackupError(f"the output can't be written: {error.strerror}") from None
    return about


def _describe(cursor: CursorWrapper) -> Manifest:
    cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
    (server,) = cursor.fetchone() or (0,)
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
    migrations = [(app, name) for app, name in cursor.fetchall()]
    rows = {}
    for name, table in COUNTED.items():
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own names
        (rows[name],) = cursor.fetchone() or (0,)
    return Manifest(FORMAT, __version__, timezone.now(), server, migrations, rows)


def _snapshot(cursor: CursorWrapper) -> str:
    # The session that keeps it says nothing while pg_dump works, however long that takes.
    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    cursor.execute("SELECT pg_export_snapshot()")
    (name,) = cursor.fetchone() or ("",)
    return str(name)


def _write(about: Manifest, snapshot: str, stream: IO[bytes]) -> None:
    digest = sha256()
    dump = tools.running(
        "pg_dump", about.postgresql,
        "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
        f"--exclude-schema={ASIDE}",
    )  # fmt: skip
    with tarfile.open(fileobj=stream, mode="w|") as tar:
        _add(tar, NAME, about.as_json())
        with dump as output:
            for number, part in enumerate(iter(partial(output.read, PART), b"")):
                digest.update(part)
                _add(tar, f"{DUMP}.{number:06}", part)
        _add(tar, SEAL, digest.hexdigest().encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, io.BytesIO(content))
