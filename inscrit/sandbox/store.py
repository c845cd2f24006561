"""What the sandbox remembers: one SQLite database, in a file or in memory.

Stripe's objects are kept as they are sent, one row each, with a second column for what Stripe knows
but does not show (how a card will behave, what a session will hand to its payment). A request's
changes are one transaction, so an error leaves nothing half done, and so does a killed process.
"""

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import msgspec

from inscrit.sandbox.config import SandboxError

StripeObject: TypeAlias = dict[str, Any]

SCHEMA = (Path(__file__).parent / "schema.sql").read_text()

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(dict).decode


class Store:
    """Objects by id. Everything runs on the event loop's thread, one request after another."""

    def __init__(self, path: Path | None) -> None:
        self.lock = locked(path.with_suffix(".lock")) if path else None
        self.database = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        # A killed process loses nothing; only a power cut may lose the last moments.
        self.database.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {SCHEMA}")

    def close(self) -> None:
        self.database.close()
        if self.lock:
            self.lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")

    def add(self, item: StripeObject, **hidden: Any) -> StripeObject:
        self.database.execute(
            "INSERT INTO object (id, kind, created, body, hidden) VALUES (?, ?, ?, ?, ?)",
            (item["id"], item["object"], item.get("created", 0), text(item), text(hidden)),
        )
        return item

    def save(self, item: StripeObject) -> StripeObject:
        self.database.execute("UPDATE object SET body = ? WHERE id = ?", (text(item), item["id"]))
        return item

    def delete(self, identifier: str) -> None:
        self.database.execute("DELETE FROM object WHERE id = ?", (identifier,))

    def bury(self, remains: StripeObject) -> StripeObject:
        """Leave only this of an object; its kind becomes ``deleted``, so no list has it."""
        self.database.execute(
            "UPDATE object SET kind = 'deleted', body = ?, hidden = '{}' WHERE id = ?",
            (text(remains), remains["id"]),
        )
        return remains

    def get(self, kind: str, identifier: str) -> StripeObject | None:
        row = self.database.execute(
            "SELECT body FROM object WHERE id = ? AND kind = ?", (identifier, kind)
        ).fetchone()
        return decode(row[0]) if row else None

    def find(self, identifier: str) -> StripeObject | None:
        """An object of whatever kind, for ``expand``."""
        row = self.database.execute(
            "SELECT body FROM object WHERE id = ?", (identifier,)
        ).fetchone()
        return decode(row[0]) if row else None

    def hidden(self, identifier: str) -> dict[str, Any]:
        row = self.database.execute(
            "SELECT hidden FROM object WHERE id = ?", (identifier,)
        ).fetchone()
        return decode(row[0]) if row else {}

    def hide(self, identifier: str, **changes: Any) -> None:
        hidden = self.hidden(identifier) | changes
        self.database.execute(
            "UPDATE object SET hidden = ? WHERE id = ?", (text(hidden), identifier)
        )

    def sequence(self, kind: str, identifier: str) -> int | None:
        row = self.database.execute(
            "SELECT seq FROM object WHERE id = ? AND kind = ?", (identifier, kind)
        ).fetchone()
        return row[0] if row else None

    def select(
        self,
        kind: str,
        where: str = "",
        values: tuple[Any, ...] = (),
        *,
        limit: int = -1,
        oldest_first: bool = False,
    ) -> list[StripeObject]:
        """Objects of one kind, newest first unless asked. ``where`` is SQL of our own making."""
        order = "ASC" if oldest_first else "DESC"
        also = f"AND {where}" if where else ""
        rows = self.database.execute(
            f"SELECT body FROM object WHERE kind = ? {also} ORDER BY seq {order} LIMIT ?",  # noqa: S608
            (kind, *values, limit),
        )
        return [decode(row[0]) for row in rows]

    def first(self, kind: str, **equal: Any) -> StripeObject | None:
        """The newest object whose fields have these values."""
        where, values = equalities(equal)
        found = self.select(kind, where, values, limit=1)
        return found[0] if found else None

    def setting(self, name: str) -> Any:
        row = self.database.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return msgspec.json.decode(row[0]) if row else None

    def set(self, name: str, value: Any) -> None:
        self.database.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, text(value)),
        )


def locked(path: Path) -> IO[bytes]:
    """A lock file held until it is closed; the system lets go of it when the process ends."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SandboxError(
            f"Another sandbox is using {path.parent}. Stop it, or choose another data directory."
        ) from None
    return file


def equalities(fields: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    where = " AND ".join(f"json_extract(body, '$.{name}') = ?" for name in fields)
    return where, tuple(fields.values())


def text(value: Any) -> str:
    return encode(value).decode()
