"""``Idempotency-Key``: https://docs.stripe.com/api/idempotent_requests

The answer to a call that was carried out is kept and given again for a day, whatever it was. A call
that failed validation was not carried out, so its key may be used again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from inscrit.sandbox.clock import Clock
from inscrit.sandbox.errors import invalid, key_in_use, key_reused
from inscrit.sandbox.store import Store

MAX_LENGTH = 255
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Kept:
    """An answer given before, and the id of the request it was given to."""

    status: int
    body: bytes
    request: str


class IdempotencyKeys:
    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.in_use: set[str] = set()
        store.database.execute(
            "DELETE FROM idempotency WHERE at < ?", (clock.now() - KEPT_SECONDS,)
        )

    @contextmanager
    def claim(self, key: str | None) -> Iterator[None]:
        """Hold the key while its call is being answered."""
        if key is None:
            yield
            return
        if len(key) > MAX_LENGTH:
            raise invalid(f"Idempotency keys can have up to {MAX_LENGTH} characters.")
        if key in self.in_use:
            raise key_in_use(key)
        self.in_use.add(key)
        try:
            yield
        finally:
            self.in_use.discard(key)

    def find(self, key: str, path: str, form: str) -> Kept | None:
        row = self.store.database.execute(
            "SELECT path, form, status, body, request FROM idempotency WHERE key = ? AND at > ?",
            (key, self.clock.now() - KEPT_SECONDS),
        ).fetchone()
        if row is None:
            return None
        if row[0] != path:
            raise key_reused(key, path=row[0])
        if row[1] != form:
            raise key_reused(key)
        return Kept(*row[2:])

    def keep(self, key: str, path: str, form: str, kept: Kept) -> None:
        self.store.database.execute(
            "INSERT OR REPLACE INTO idempotency (key, path, form, status, body, request, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, path, form, kept.status, kept.body, kept.request, self.clock.now()),
        )
