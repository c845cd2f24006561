"""What happens by itself when the clock gets there."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from inscrit.sandbox.clock import Clock
from inscrit.sandbox.store import Store

if TYPE_CHECKING:
    from inscrit.sandbox.simulator import Simulator

Action = Callable[["Simulator", str], None]

ACTIONS: dict[str, Action] = {}


def when_due(action: Action) -> Action:
    """Register a function that a timer may name; it gets the simulator and an object's id."""
    ACTIONS[action.__name__] = action
    return action


class Timers:
    """Times are seconds on the sandbox's clock, so moving the clock brings them about."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def start(self, action: str, subject: str, due: float) -> None:
        """``action`` is the name of a function registered with :func:`when_due`."""
        self.store.database.execute(
            "INSERT INTO timer (due, action, subject) VALUES (?, ?, ?)",
            (due, action, subject),
        )

    def bring_forward(self, subject: str) -> bool:
        """Make everything that waits for this object happen at the next tick."""
        changed = self.store.database.execute(
            "UPDATE timer SET due = ? WHERE subject = ?", (self.clock.now(), subject)
        )
        return changed.rowcount > 0

    def stop(self, subject: str) -> None:
        self.store.database.execute("DELETE FROM timer WHERE subject = ?", (subject,))

    def any_due(self) -> bool:
        row = self.store.database.execute(
            "SELECT 1 FROM timer WHERE due <= ? LIMIT 1", (self.clock.now(),)
        ).fetchone()
        return row is not None

    def take(self) -> tuple[str, str]:
        """Remove and return the action and subject that come first."""
        row = self.store.database.execute(
            "SELECT id, action, subject FROM timer ORDER BY due, id LIMIT 1"
        ).fetchone()
        self.store.database.execute("DELETE FROM timer WHERE id = ?", (row[0],))
        return row[1], row[2]
