"""The table of API operations: which function answers which method and path."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inscrit.sandbox.store import StripeObject

if TYPE_CHECKING:
    from inscrit.sandbox.simulator import Simulator

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One API call, understood: the ids in its path and its typed parameters."""

    sim: "Simulator"
    path: str
    ids: tuple[str, ...]
    params: Parameters

    @property
    def id(self) -> str:
        return self.ids[0]


Handler = Callable[[Call], StripeObject]


@dataclass(frozen=True)
class Operation:
    method: str
    template: str
    declared: str | type | None
    handler: Handler
    pattern: re.Pattern[str]


OPERATIONS: list[Operation] = []


def operation(
    method: str, template: str, declared: str | type | None = None
) -> Callable[[Handler], Handler]:
    """Register a handler; ``declared`` is its parameters' class, or the name the library has."""

    def register(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", template))
        OPERATIONS.append(Operation(method, template, declared, handler, pattern))
        return handler

    return register


def find(method: str, path: str) -> tuple[Operation, tuple[str, ...]] | None:
    for each in OPERATIONS:
        if each.method == method and (match := each.pattern.fullmatch(path)):
            return each, match.groups()
    return None
