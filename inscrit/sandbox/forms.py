"""Stripe's way of writing nested values in a form: ``items[0][price]=p``, ``types[]=a``.

The Python library numbers its lists (``x[0]``), the CLI does not (``x[]``); both are read alike.
"""

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

from inscrit.sandbox.errors import invalid

Raw: TypeAlias = str | dict[str, "Raw"]

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
MAX_DEPTH = 10


def parse_form(text: str) -> dict[str, Raw]:
    """Read a body or a query string. List items become entries ``"0"``, ``"1"`` and so on."""
    form: dict[str, Raw] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        place(form, name, value)
    return form


def place(form: dict[str, Raw], name: str, value: str) -> None:
    first, *rest = steps(name)
    here, key = form, first
    for step in rest:
        inner = here.setdefault(key, {})
        if isinstance(inner, str):
            raise invalid(f"Invalid hash: {name}", first)
        here, key = inner, step or next_index(inner)
    here[key] = value


def steps(name: str) -> list[str]:
    match = NAME.fullmatch(name)
    if match is None:
        raise invalid(f"Invalid parameter name: {name}", name)
    path = [match[1], *(part.rstrip("]") for part in match[2].split("[")[1:])]
    if len(path) > MAX_DEPTH:
        raise invalid(f"Parameter nested too deeply: {name}", match[1])
    return path


def next_index(items: dict[str, Raw]) -> str:
    return str(len(items))
