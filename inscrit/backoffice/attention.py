"""What waits for a person, for the first page of the back office. Rooms add what they know of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Waiting:
    """``label`` takes their number ``n``; ``count`` is a cheap query, ``address`` their list.

    ``permission`` is what it takes to see that list.
    """

    label: "_StrPromise"
    permission: str
    count: Callable[[], int]
    address: Callable[[], str]


WAITING: list[Waiting] = []
