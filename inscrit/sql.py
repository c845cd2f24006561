"""SQL statements that stand in files of their own, each under its name.

A statement begins at a line ``-- name: something`` and ends at the next one. Rows are sent as one
JSON array and unfolded on the server: long texts in an array parameter are slow.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Statement(NamedTuple):
    """A query with its parameters, ready for any cursor."""

    query: str
    parameters: Mapping[str, Any]


def statements(path: Path) -> dict[str, str]:
    """The statements of one file by their names."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def with_rows(query: str, rows: Sequence[Mapping[str, Any]]) -> Statement:
    """A set-based statement that reads its rows from the parameter ``rows``."""
    return Statement(query, {"rows": msgspec.json.encode(rows).decode()})
