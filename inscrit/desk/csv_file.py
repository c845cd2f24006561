"""A table as CSV that a spreadsheet opens with a double click."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language

from .table import Cell

BOM = "\ufeff"  # without it Excel takes the file for Windows-1252
# What makes a spreadsheet take a text for a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
AT_ONCE = 500


class _Line:
    """csv's writer wants a file: this one gives back what was written."""

    def write(self, text: str) -> str:
        return text


def pieces(titles: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The file, some hundred lines at a time, in the manner of the language that is spoken."""
    french = (get_language() or "en").startswith("fr")
    writer: Any = csv.writer(_Line(), delimiter=";" if french else ",")
    some = [BOM + writer.writerow(map(harmless, titles))]
    for row in rows:
        some.append(writer.writerow([text(cell, point="," if french else ".") for cell in row]))
        if len(some) >= AT_ONCE:
            yield "".join(some).encode()
            some = []
    yield "".join(some).encode()


def text(cell: Cell, *, point: str) -> str:
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if isinstance(cell, Decimal):
        return str(cell).replace(".", point)
    if isinstance(cell, str):
        return harmless(cell)
    return "" if cell is None else str(cell)


def harmless(said: str) -> str:
    """With an apostrophe before it, no spreadsheet takes it for a formula."""
    return f"'{said}" if said.lstrip(" ").startswith(FORMULAS) else said
