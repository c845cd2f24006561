"""Things that go wrong on demand, so that an application can be seen coping with them."""

import random
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from inscrit.sandbox.store import Store, text

WhenQueued = Literal["delay", "drop", "reorder"]
WhenSent = Literal[
    "duplicate", "live_mode", "stale_timestamp", "wrong_amount", "wrong_currency", "wrong_secret"
]
WhenCalled = Literal["error", "rate_limit", "slow", "timeout"]

WHEN_QUEUED = frozenset(get_args(WhenQueued))
WHEN_SENT = frozenset(get_args(WhenSent))
WHEN_CALLED = frozenset(get_args(WhenCalled))

# A time-out outlasts the Python library's patience (80 seconds), a stale timestamp its tolerance.
USUAL_SECONDS = {"timeout": 90, "stale_timestamp": 600, "reorder": 0.5}


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One kind of trouble and when it strikes.

    Webhook deliveries: ``delay`` by ``seconds``; ``drop`` (Stripe never sends it, but lists it as
    undelivered); ``reorder`` (the events of one moment arrive last first, ``seconds`` apart);
    ``duplicate`` (sent ``times`` more, at once); ``wrong_secret``; ``stale_timestamp`` (signed
    ``seconds`` ago); ``wrong_amount`` (``amount`` minor units more); ``wrong_currency`` (says
    ``currency``); ``live_mode`` (says ``livemode: true``).
    API calls: ``error`` (answers ``status``); ``rate_limit`` (429); ``slow`` (answers after
    ``seconds``); ``timeout`` (hangs for ``seconds``, then answers ``status``). With ``after`` the
    call has taken effect all the same.

    ``endpoint`` limits it to one webhook endpoint, ``event`` to event types (``charge.*``),
    ``path`` to API paths (``/v1/checkout/sessions*``), ``remaining`` to that many occasions,
    ``probability`` to that share of them, by chance. ``struck`` counts the occasions it took.
    """

    kind: WhenQueued | WhenSent | WhenCalled
    id: int = 0
    endpoint: str | None = None
    event: str = "*"
    path: str = "*"
    remaining: Annotated[int, Meta(ge=1)] | None = None
    probability: Annotated[float, Meta(ge=0, le=1)] = 1
    struck: int = 0
    seconds: Annotated[float, Meta(ge=0)] | None = None
    times: Annotated[int, Meta(ge=1, le=1000)] = 1
    amount: int = 100
    currency: Annotated[str, Meta(pattern="^[a-z]{3}$")] = "usd"
    status: Annotated[int, Meta(ge=400, le=599)] = 500
    after: bool = False

    @property
    def duration(self) -> float:
        return USUAL_SECONDS.get(self.kind, 2) if self.seconds is None else self.seconds


class Faults:
    """The faults that are switched on. They are kept in the store, as everything is."""

    def __init__(self, store: Store) -> None:
        self.store = store
        rows = store.database.execute("SELECT id, body FROM fault").fetchall()
        self.active = {row[0]: msgspec.json.decode(row[1], type=Fault) for row in rows}

    def add(self, fault: Fault) -> Fault:
        cursor = self.store.database.execute("INSERT INTO fault (body) VALUES ('{}')")
        fault.id = int(cursor.lastrowid or 0)
        self.active[fault.id] = fault
        self.keep(fault)
        return fault

    def keep(self, fault: Fault) -> None:
        self.store.database.execute(
            "UPDATE fault SET body = ? WHERE id = ?", (text(fault), fault.id)
        )

    def remove(self, identifier: int) -> bool:
        self.store.database.execute("DELETE FROM fault WHERE id = ?", (identifier,))
        return self.active.pop(identifier, None) is not None

    def clear(self) -> None:
        self.store.database.execute("DELETE FROM fault")
        self.active.clear()

    def for_event(self, kinds: frozenset[str], endpoint: str, event: str) -> list[Fault]:
        return self.striking(
            fault
            for fault in self.active.values()
            if fault.kind in kinds
            and fault.endpoint in (None, endpoint)
            and fnmatchcase(event, fault.event)
        )

    def for_call(self, path: str) -> list[Fault]:
        return self.striking(
            fault
            for fault in self.active.values()
            if fault.kind in WHEN_CALLED and fnmatchcase(path, fault.path)
        )

    def striking(self, concerned: Iterable[Fault]) -> list[Fault]:
        """Those that strike this time; this occasion is counted."""
        chosen = [
            fault
            for fault in concerned
            if random.random() < fault.probability  # noqa: S311 - no secret, only chance
        ]
        for fault in chosen:
            self.spend(fault)
        return chosen

    def spend(self, fault: Fault) -> None:
        fault.struck += 1
        if fault.remaining is not None:
            fault.remaining -= 1
        if fault.remaining == 0:
            self.remove(fault.id)
        else:
            self.keep(fault)
