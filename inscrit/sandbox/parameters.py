"""Which parameters a request may carry, and of what type.

The official Python library declares them for every operation; those declarations are read here, so
that the sandbox refuses what Stripe refuses: unknown names at any depth, wrong types and choices.
"""

import re
import types
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from inscrit.sandbox.errors import (
    StripeError,
    empty_parameter,
    invalid,
    missing_parameter,
    unknown_parameters,
)
from inscrit.sandbox.forms import Raw

# How the library is told to send a request; never part of what is sent.
REQUEST_OPTIONS = {
    "api_key",
    "stripe_version",
    "stripe_account",
    "stripe_context",
    "max_network_retries",
    "idempotency_key",
    "content_type",
    "headers",
}


# As large as the database can hold and compare; ``str.isdigit`` would also take "²".
INTEGER = re.compile(r"-?[0-9]{1,18}")
INDEX = re.compile(r"[0-9]{1,6}")
DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{0,12})?|-?\.[0-9]{1,12}")


def read_parameters(form: Mapping[str, Raw], declared: str | type | None) -> dict[str, Any]:
    """Turn a parsed form into typed values, or raise the error Stripe would answer with.

    ``declared`` names the library's class, such as ``checkout.SessionCreateParams``. Without one
    only ``expand`` may be given.
    """
    if isinstance(declared, str):
        declared = declaration(declared)
    return read_fields(form, declared or Nothing, "")


class Nothing:
    expand: list[str]


@cache
def declaration(name: str) -> type:
    # Costs a quarter of a second and 40 MB once, so not before the first request.
    import stripe.params
    import stripe.params.checkout

    found: Any = stripe.params
    for part in name.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


@cache
def fields_of(declared: type) -> dict[str, Any]:
    hints = get_type_hints(declared, None, names_of_the_library())
    return {name: hint for name, hint in hints.items() if name not in REQUEST_OPTIONS}


@cache
def names_of_the_library() -> dict[str, Any]:
    from stripe._stripe_context import StripeContext

    return {"StripeContext": StripeContext, "Mapping": Mapping}


def read_fields(raw: Raw | Mapping[str, Raw], declared: type, path: str) -> dict[str, Any]:
    if isinstance(raw, str):
        raise invalid("Invalid object", path)
    fields = fields_of(declared)
    if unknown := [inside(path, name) for name in raw if name not in fields]:
        raise unknown_parameters(unknown)
    for name in sorted(getattr(declared, "__required_keys__", ())):
        if name not in raw:
            raise missing_parameter(inside(path, name))
    return {name: read(value, fields[name], inside(path, name)) for name, value in raw.items()}


def inside(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def read(raw: Raw, hint: Any, path: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return read_union(raw, get_args(hint), path)
    if origin is Literal:
        return read_choice(raw, get_args(hint), path)
    if origin is list:
        return read_list(raw, get_args(hint)[0], path)
    if is_typeddict(hint):
        return read_fields(raw, hint, path)
    if origin is not None:
        return read_map(raw, path)
    return read_scalar(raw, hint, path)


def read_union(raw: Raw, members: tuple[Any, ...], path: str) -> Any:
    if raw == "" and any("" in get_args(member) for member in members):
        return ""
    nested = [member for member in members if is_nested(member)]
    plain = [member for member in members if member not in nested and not is_empty(member)]
    if isinstance(raw, dict) and nested:
        return read(raw, nested[0], path)
    return read_first(raw, plain or nested, path)


def read_first(raw: Raw, members: list[Any], path: str) -> Any:
    """An open choice is declared ``Literal[…] | str``: the names count, ``str`` is only typing."""
    literals = [member for member in members if get_origin(member) is Literal]
    choices = [name for literal in literals for name in get_args(literal)]
    if choices and bool not in members:
        return read_choice(raw, tuple(choices), path)
    for member in members[:-1]:
        try:
            return read(raw, member, path)
        except StripeError:
            continue
    return read(raw, members[-1], path)


def is_typeddict(hint: Any) -> bool:
    """The library's are those of typing_extensions, which typing does not know as such."""
    return isinstance(hint, type) and hasattr(hint, "__total__")


def is_empty(hint: Any) -> bool:
    return hint is type(None) or get_args(hint) == ("",)


def is_nested(hint: Any) -> bool:
    return is_typeddict(hint) or get_origin(hint) not in (None, Literal)


def read_choice(raw: Raw, choices: tuple[Any, ...], path: str) -> str:
    if raw in choices and isinstance(raw, str):
        return raw
    if raw == "":
        raise empty_parameter(path)
    *most, last = [str(choice) for choice in choices if choice]
    allowed = f"one of {', '.join(most)}, or {last}" if most else last
    raise invalid(f"Invalid {path}: must be {allowed}", path)


def read_list(raw: Raw, hint: Any, path: str) -> list[Any]:
    if raw == "":
        return []
    if isinstance(raw, str) or not all(map(INDEX.fullmatch, raw)):
        raise invalid("Invalid array", path)
    ordered = sorted(raw, key=int)
    return [read(raw[index], hint, f"{path}[{place}]") for place, index in enumerate(ordered)]


MAX_METADATA = 50


def read_map(raw: Raw, path: str) -> dict[str, str]:
    """Metadata: 50 pairs, keys up to 40 characters, values to 500 (docs.stripe.com/metadata)."""
    if isinstance(raw, str):
        raise invalid("Invalid object", path)
    if len(raw) > MAX_METADATA:
        raise invalid(f"Metadata can have at most {MAX_METADATA} keys.", path)
    for key, value in raw.items():
        check_pair(key, value, path)
    return {key: str(value) for key, value in raw.items()}


def check_pair(key: str, value: Raw, path: str) -> None:
    here = inside(path, key)
    if not isinstance(value, str):
        raise invalid("Metadata values must be strings.", here)
    if len(key) > 40:
        raise invalid(f"Metadata keys can have up to 40 characters; '{key}' has {len(key)}.", here)
    if len(value) > 500:
        raise invalid(
            f"Metadata values can have up to 500 characters, but you passed in a value that is "
            f"{len(value)} characters. Invalid value: {value[:20]}…",
            here,
        )


def read_scalar(raw: Raw, hint: type, path: str) -> Any:
    if isinstance(raw, dict):
        raise invalid("Invalid string", path)
    if hint is int:
        return read_integer(raw, path)
    if hint is bool:
        return read_boolean(raw, path)
    if hint in (float, Decimal):
        return read_decimal(raw, path)
    return raw


def read_integer(raw: str, path: str) -> int:
    if raw == "":
        raise empty_parameter(path)
    if not INTEGER.fullmatch(raw):
        raise invalid(f"Invalid integer: {raw}", path, "parameter_invalid_integer")
    return int(raw)


def read_boolean(raw: str, path: str) -> bool:
    if raw not in ("true", "false"):
        raise invalid(f"Invalid boolean: {raw}", path)
    return raw == "true"


def read_decimal(raw: str, path: str) -> str:
    if not DECIMAL.fullmatch(raw):
        raise invalid(f"Invalid decimal: {raw}", path)
    return raw
