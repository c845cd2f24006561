"""The product's five invariants, checked over the whole database; nothing is changed.

Everything is read from one snapshot, so that a system at work gives no false alarm.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone

from inscrit.sql import statements

from .checks import CHECKS, INVARIANTS, Breach

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

SQL = statements(Path(__file__).parent / "sql" / "audit.sql")


@dataclass(frozen=True, slots=True)
class Audit:
    """What one look at the database found. ``seconds`` is how long it took."""

    at: datetime
    seconds: float
    breaches: Sequence[Breach]

    @property
    def counts(self) -> dict[str, int]:
        """How many breaches each invariant has; 0 where it holds."""
        by_invariant = Counter(breach.invariant for breach in self.breaches)
        return {invariant: by_invariant[invariant] for invariant in INVARIANTS}

    def as_data(self) -> dict[str, Any]:
        return {
            "ok": not self.breaches,
            "at": self.at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "invariants": self.counts,
            "breaches": [breach.as_data() for breach in self.breaches],
        }

    def as_text(self) -> str:
        """For a person: each invariant with what breaks it, and what to do."""
        return "\n".join(line for invariant in INVARIANTS for line in self._lines(invariant))

    def _lines(self, invariant: str) -> Iterator[str]:
        broken = [breach for breach in self.breaches if breach.invariant == invariant]
        if not broken:
            yield f"✅ {invariant}: holds"
            return
        yield f"❌ {invariant}: {len(broken)} {'breach' if len(broken) == 1 else 'breaches'}"
        for breach in broken:
            yield f"   {breach.check}: {breach.text}"
            yield f"      expected: {breach.expected}; is: {breach.found}"
            yield f"      to do: {breach.remedy}"


def run() -> Audit:
    """Look at the whole database now. Must not be called within a transaction."""
    at, began = timezone.now(), time.monotonic()
    with snapshot() as cursor:
        found = breaches(cursor)
    return Audit(at, time.monotonic() - began, found)


@contextmanager
def snapshot() -> Iterator["CursorWrapper"]:
    """The database as it is at the first statement, whatever is committed meanwhile."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield cursor


def breaches(cursor: "CursorWrapper") -> list[Breach]:
    """Every breach that this cursor sees, in the order of the checks."""
    return [Breach(check, facts) for check in CHECKS for facts in _rows(cursor, SQL[check])]


def _rows(cursor: "CursorWrapper", query: str) -> list[dict[str, Any]]:
    cursor.execute(query)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
