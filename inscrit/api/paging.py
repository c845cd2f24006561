"""Long lists a page at a time, by a cursor that stands on the last row seen.

Rows that are added or removed meanwhile neither repeat nor hide others, and a late page costs as
little as the first one.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from pydantic import BaseModel, Field

from . import problems

MOST = 200
Row = TypeVar("Row", bound=Model)


class PageQuery(BaseModel):
    cursor: Annotated[str | None, Field(description="What `next` said. Leave it out at first.")] = (
        None
    )
    limit: Annotated[int, Field(ge=1, le=MOST, description="How many items at most.")] = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    items: list[Row]
    next: str | None


def page(rows: QuerySet[Row], by: str, query: PageQuery) -> Page[Row]:
    """One page of rows, ordered by the time field ``by`` (``-`` before it: newest first), then id.

    Raises Problem 422 for a cursor that is none of ours.
    """
    field, descending = by.removeprefix("-"), by.startswith("-")
    if query.cursor is not None:
        at, pk = _read(query.cursor, rows.model)
        rows = rows.filter(_after(field, at, pk, descending=descending))
    ordered = rows.order_by(by, "-pk" if descending else "pk")
    found = list(ordered[: query.limit + 1])
    items = found[: query.limit]
    more = len(found) > query.limit
    return Page(items, _cursor(getattr(items[-1], field), items[-1].pk) if more else None)


def _after(field: str, at: datetime, pk: Any, *, descending: bool) -> Q:
    than = "lt" if descending else "gt"
    # The first condition says nothing new, but lets PostgreSQL begin at the right place.
    return Q(**{f"{field}__{than}e": at}) & (
        Q(**{f"{field}__{than}": at}) | Q(**{f"pk__{than}": pk})
    )


def _cursor(at: datetime, pk: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), pk]).encode()).decode().rstrip("=")


def _read(cursor: str, model: type[Model]) -> tuple[datetime, Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, pk = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return _moment(at), model._meta.pk.to_python(_plain(pk))
    except (
        binascii.Error, ValueError, TypeError, OverflowError, RecursionError, ValidationError,
    ):  # fmt: skip
        raise problems.invalid("cursor", "This is no cursor that we gave.") from None


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None or not 1900 < at.year < 3000:
        raise ValueError(text)
    return at


def _plain(pk: Any) -> str:
    """An id as text: ours are printable texts or numbers."""
    text = str(pk)
    if not isinstance(pk, str | int) or not text.isprintable():
        raise ValueError(text)
    return text
