"""What one check found: a value, told to people and to programs alike."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """``name`` is the same in every language; ``what`` was found, and how to ``mend`` it."""

    name: str
    state: State
    what: str
    mend: str = ""

    def as_data(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}


def ok(name: str, what: str) -> Finding:
    return Finding(name, State.OK, what)


def warning(name: str, what: str, mend: str) -> Finding:
    return Finding(name, State.WARNING, what, mend)


def error(name: str, what: str, mend: str) -> Finding:
    return Finding(name, State.ERROR, what, mend)


def skipped(name: str, what: str) -> Finding:
    return Finding(name, State.SKIPPED, what)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.state is State.ERROR]
