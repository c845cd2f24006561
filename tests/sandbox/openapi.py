"""A small reader of OpenAPI 3.0 schemas: enough to hold an object against Stripe's."""

from collections.abc import Iterator
from typing import Any

PREFIX = "#/components/schemas/"

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def violations(
    value: Any, schema: dict[str, Any], schemas: dict[str, Any], path: str
) -> Iterator[str]:
    if value is None and schema.get("nullable"):
        return
    if reference := schema.get("$ref"):
        yield from violations(value, schemas[reference.removeprefix(PREFIX)], schemas, path)
        return
    for part in schema.get("allOf", []):
        yield from violations(value, part, schemas, path)
    if choices := schema.get("anyOf"):
        yield from of_choices(value, choices, schemas, path)
    if "type" in schema:
        yield from of_type(value, schema, schemas, path)
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum'][:8]}"


def of_choices(
    value: Any, choices: list[dict[str, Any]], schemas: dict[str, Any], path: str
) -> Iterator[str]:
    if isinstance(value, dict) and "object" in value:
        wanted = {"$ref": PREFIX + value["object"]}
        choices = [each for each in choices if each == wanted] or choices
    found = [list(violations(value, each, schemas, path)) for each in choices]
    if all(found):
        yield from min(found, key=len)


def of_type(
    value: Any, schema: dict[str, Any], schemas: dict[str, Any], path: str
) -> Iterator[str]:
    kind = schema["type"]
    if not is_a(value, kind):
        # Stripe writes `deleted: true`; the reduced schema calls it a string.
        if schema.get("enum") != [True]:
            yield f"{path}: {value!r} is no {kind}"
        return
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}: lacks {name}"
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            yield from violations(value[name], inner, schemas, f"{path}.{name}")
    if kind == "array":
        for place, each in enumerate(value):
            yield from violations(each, schema["items"], schemas, f"{path}[{place}]")


def is_a(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
