"""What a backup says of itself, so that it is put back only where it fits."""

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec
from django.db.migrations.loader import MigrationLoader

from . import BackupError

FORMAT = 1
NAME, DUMP = "manifest.json", "database.dump"


class Manifest(msgspec.Struct, frozen=True):
    """``postgresql`` is the server's major version; ``rows`` are counts of what matters."""

    format: int
    inscrit: str
    made_at: datetime
    postgresql: int
    migrations: list[tuple[str, str]]
    rows: dict[str, int]
    sha256: str

    def as_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


def read(body: bytes) -> Manifest:
    """Raises BackupError."""
    try:
        found = msgspec.json.decode(body, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"its {NAME} can't be read: {error}") from None
    if found.format != FORMAT:
        raise BackupError(f"it has format {found.format}; this version knows {FORMAT}")
    return found


def check(manifest: Manifest, dump: Path, server: int) -> None:
    """Whether this dump may be put back here. Raises BackupError."""
    if fingerprint(dump) != manifest.sha256:
        raise BackupError("the file is damaged: its contents are not those that were written")
    if manifest.postgresql > server:
        raise BackupError(
            f"it comes from PostgreSQL {manifest.postgresql}, this server is {server}: put it back"
            " into that version or a later one"
        )
    known = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    newer = [".".join(one) for one in manifest.migrations if one not in known]
    if newer:
        raise BackupError(
            f"it was made by a newer Inscrit ({manifest.inscrit}; {newer[0]} is not known here):"
            " install that version first"
        )


def fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
