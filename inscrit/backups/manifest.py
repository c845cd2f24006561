"""What a backup says of itself, so that it is put back only where it fits."""

from datetime import datetime

import msgspec
from django.db.migrations.loader import MigrationLoader

from . import BackupError

FORMAT = 2
# The dump comes in numbered parts; the seal, at the end, is the SHA-256 of all of them.
NAME, DUMP, SEAL = "manifest.json", "database.dump", "sha256"


class Manifest(msgspec.Struct, frozen=True):
    """``postgresql`` is the server's major version; ``rows`` are counts of what matters."""

    format: int
    inscrit: str
    made_at: datetime
    postgresql: int
    migrations: list[tuple[str, str]]
    rows: dict[str, int]

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


def check(manifest: Manifest, server: int) -> None:
    """Whether this backup may be put back here. Raises BackupError."""
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
