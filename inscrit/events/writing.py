"""Writing what an event offers and asks, a whole list at a time.

What somebody has already is retired, not deleted.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.db import transaction
from django.db.models import ProtectedError

from .consents import Consent
from .models import Event
from .options import PriceOption
from .questions import Question

Item: TypeAlias = PriceOption | Question | Consent
KINDS: dict[str, type[Item]] = {
    "options": PriceOption,
    "questions": Question,
    "consents": Consent,
}
# What an answer that is there already would not fit any more.
FIXED_ONCE_ANSWERED = ("kind", "scope")


class UnknownItem(Exception):
    """The list names one that the event does not have."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"{name} {number}")
        self.name, self.number = name, number


class QuotaBelowTaken(Exception):
    """More places have this price already."""

    def __init__(self, option: PriceOption) -> None:
        super().__init__(option.pk)
        self.option = option


class AnsweredAlready(Exception):
    """A question that has answers can't be asked in another way."""

    def __init__(self, number: int) -> None:
        super().__init__(str(number))
        self.number = number


def write_list(event: Event, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make the event's list this one, in this order, under the event's lock.

    Raises UnknownItem, QuotaBelowTaken, AnsweredAlready.
    """
    known: dict[str, Item] = {one.pk: one for one in KINDS[name].objects.filter(event=event)}
    for number, row in enumerate(rows):
        fields = dict(row)
        item = _item(event, name, number, fields.pop("id", None), known)
        _refuse_what_cannot_change(item, fields, number)
        for field, value in fields.items():
            setattr(item, field, value)
        item.position = number
        _save(item)
    for item in known.values():
        remove(item)


def remove(item: Item) -> None:
    """Delete it; retire it if somebody has it, or waits for it."""
    if isinstance(item, PriceOption) and item.waiting:
        return _retire(item)
    try:
        with transaction.atomic():
            item.delete()
    except ProtectedError:
        _retire(item)


def _retire(item: Item) -> None:
    item.active = False
    item.save(update_fields=["active"])


def _item(event: Event, name: str, number: int, pk: str | None, known: dict[str, Item]) -> Item:
    if pk is None:
        return KINDS[name](event=event)
    if pk not in known:
        raise UnknownItem(name, number)
    return known.pop(pk)


def _refuse_what_cannot_change(item: Item, fields: Mapping[str, Any], number: int) -> None:
    if not isinstance(item, Question) or item._state.adding:
        return
    other = any(getattr(item, name) != fields[name] for name in FIXED_ONCE_ANSWERED)
    if other and item.answers.exists():
        raise AnsweredAlready(number)


def _save(item: Item) -> None:
    if isinstance(item, PriceOption) and item.quota is not None and item.quota < item.taken:
        raise QuotaBelowTaken(item)
    item.save()
