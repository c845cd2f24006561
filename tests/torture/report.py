"""What a torture run did, for people to read."""

from collections import Counter
from dataclasses import dataclass, field

from .books import Books
from .breaches import Breach

LATE = ("late_payment_reseated", "late_payment_refunded", "late_payment_review")


@dataclass
class Report:
    """Filled while the run goes on; ``str()`` of it is printed at the end."""

    seed: int
    seconds: dict[str, float] = field(default_factory=dict)
    stories: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    tries_again: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    fallen: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    reconciled: str = "not run"
    audited: str = "not run"
    tracebacks: Counter[str] = field(default_factory=Counter)
    books: Books | None = None
    breaches: list[Breach] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            ("seconds", ", ".join(f"{what} {took:.0f}" for what, took in self.seconds.items())),
            (f"{self.stories.total()} buyers", _listed(self.stories)),
            ("their endings", _listed(self.endings)),
            ("tried again for", _listed(self.tries_again)),
            (f"{self.kills.total()} kills", _listed(self.kills)),
            ("ended by themselves", _listed(Counter(self.fallen))),
            (f"{self.faults.total()} faults", _listed(self.faults)),
            *(_counted(self.books) if self.books else ()),
            ("reconciliation", self.reconciled),
            ("audit", self.audited),
            ("tracebacks in the logs", _listed(self.tracebacks)),
        ]
        width = max(len(name) for name, _ in lines)
        body = "\n".join(f"  {name:<{width}}  {text}" for name, text in lines)
        return f"Torture, seed {self.seed}\n{body}\n{self._verdict()}"

    def _verdict(self) -> str:
        if not self.breaches:
            return "Everything holds."
        named = "\n".join(f"  {breach}" for breach in self.breaches)
        return f"{len(self.breaches)} BREACHES\n{named}"


def _listed(counted: Counter[str] | dict[str, int]) -> str:
    sorted_by_size = sorted(counted.items(), key=lambda item: -item[1])
    return ", ".join(f"{what} {number}" for what, number in sorted_by_size) or "none"


def _counted(books: Books) -> list[tuple[str, str]]:
    returned = [money for money in books.money if money.refunded]
    whole = sum(money.refunded >= money.amount for money in returned)
    reasons = Counter(entry["reason"] for entry in books["journal"])
    statuses = Counter(row["status"] for row in books["registrations"])
    refunds = Counter(f"{row['reason']} {row['status']}" for row in books["refunds"])
    confirmations = [m for m in books["messages"] if m["kind"] == "confirmed"]
    repeats = sum(number - 1 for number in books.mails.values())
    places = ", ".join(
        f"{event['confirmed']}/{event['capacity']} ({event['late_payment']}, {event['status']})"
        for event in books["events"]
    )
    reviews = Counter(row["review"] for row in books["registrations"] if row["review"])
    return [
        (f"{statuses.total()} registrations", _listed(statuses)),
        ("places confirmed", places),
        ("webhook answers", _listed(books.attempts)),
        (f"{len(books['inbox'])} events", _listed(Counter(r["outcome"] for r in books["inbox"]))),
        (
            "payments",
            f"{len(books.money)}, returned whole {whole}, in part {len(returned) - whole}",
        ),
        ("late payments", _listed({reason: reasons[reason] for reason in LATE})),
        ("refunds", _listed(refunds)),
        ("for a person", _listed(reviews)),
        (
            "confirmations",
            f"{len(confirmations)}, mails {books.mails.total()}, of them repeats {repeats}",
        ),
        (
            "failed jobs",
            _listed(Counter(j["task_name"] for j in books["jobs"] if j["status"] == "failed")),
        ),
    ]
