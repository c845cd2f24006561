"""``expand``: ids replaced by what they stand for (https://docs.stripe.com/api/expanding_objects)."""

import re
from typing import TYPE_CHECKING, Any

from inscrit.sandbox.errors import invalid
from inscrit.sandbox.lists import as_list
from inscrit.sandbox.store import StripeObject

if TYPE_CHECKING:
    from inscrit.sandbox.simulator import Simulator

MAX_DEPTH = 4

ID = re.compile(r"[a-z]+_(test_)?[A-Za-z0-9]{14,}")

# What is only there when asked for.
INCLUDABLE = {("checkout.session", "line_items"), ("charge", "refunds")}


def expand(sim: "Simulator", item: StripeObject, paths: list[str]) -> StripeObject:
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH:
            raise invalid(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}",
                "expand",
            )
        expand_step(sim, item, steps, path)
    return item


def expand_step(sim: "Simulator", item: StripeObject, steps: list[str], path: str) -> None:
    name, *rest = steps
    if (item.get("object"), name) in INCLUDABLE:
        include(sim, item, name)
    value = None if name == "id" else resolve(sim, item.get(name))
    if name not in item or name == "id" or not (rest or is_expandable(value)):
        hint = f" You may want to try expanding 'data.{path}'." if is_list(item) else ""
        raise invalid(f"This property cannot be expanded ({path}).{hint}", "expand")
    item[name] = value
    for each in value if isinstance(value, list) else [value]:
        if rest and isinstance(each, dict):
            expand_step(sim, each, rest, path)


def is_expandable(value: Any) -> bool:
    """An object, nothing where one might be, or the id of one that is gone."""
    if isinstance(value, str):
        return ID.fullmatch(value) is not None
    return value is None or (isinstance(value, dict) and "object" in value)


def is_list(item: StripeObject) -> bool:
    return item.get("object") == "list"


def resolve(sim: "Simulator", value: Any) -> Any:
    """The object behind an id; anything else as it is."""
    found = sim.store.find(value) if isinstance(value, str) else None
    return found or value


def include(sim: "Simulator", item: StripeObject, name: str) -> None:
    if name == "line_items":
        items = sim.store.hidden(item["id"])["line_items"]
        item[name] = as_list(f"/v1/checkout/sessions/{item['id']}/line_items", items)
    else:
        where = "json_extract(body, '$.charge') = ?"
        refunds = sim.store.select("refund", where, (item["id"],))
        item[name] = as_list(f"/v1/charges/{item['id']}/refunds", refunds)
