"""Lists and their pages: https://docs.stripe.com/api/pagination"""

from typing import Any

from inscrit.sandbox.errors import invalid, no_such
from inscrit.sandbox.operations import Call, Parameters
from inscrit.sandbox.store import Store, StripeObject

DEFAULT_LIMIT = 10
MAX_LIMIT = 100

COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Filter:
    """Conditions on stored objects, joined by AND."""

    def __init__(self) -> None:
        self.clauses: list[str] = []
        self.values: list[Any] = []

    def add(self, clause: str, *values: Any) -> None:
        self.clauses.append(clause)
        self.values.extend(values)

    def equal(self, params: Parameters, *fields: str) -> None:
        for name in fields:
            if name in params:
                self.add(f"json_extract(body, '$.{name}') = ?", params[name])

    def created(self, params: Parameters) -> None:
        """``created`` is either a time or ``{gt, gte, lt, lte}``, in seconds since 1970."""
        wanted = params.get("created")
        if isinstance(wanted, int):
            self.add("created = ?", wanted)
        elif wanted:
            for name, value in wanted.items():
                self.add(f"created {COMPARISONS[name]} ?", value)


def page(call: Call, kind: str, *fields: str, only: Filter | None = None) -> StripeObject:
    """A page of objects of one kind, newest first; ``fields`` may be asked for by value."""
    wanted = only or Filter()
    wanted.equal(call.params, *fields)
    wanted.created(call.params)
    limit = limit_of(call.params)
    backwards = move_to_cursor(call.sim.store, kind, call.params, wanted)
    found = call.sim.store.select(
        kind,
        " AND ".join(wanted.clauses),
        tuple(wanted.values),
        limit=limit + 1,
        oldest_first=backwards,
    )
    data = found[:limit]
    return as_list(call.path, data[::-1] if backwards else data, more=len(found) > limit)


def limit_of(params: Parameters) -> int:
    limit = int(params.get("limit", DEFAULT_LIMIT))
    if limit < 1:
        raise invalid("This value must be greater than or equal to 1.", "limit", TOO_SMALL)
    if limit > MAX_LIMIT:
        raise invalid("This value must be less than or equal to 100.", "limit", TOO_SMALL)
    return limit


TOO_SMALL = "parameter_invalid_integer"


def move_to_cursor(store: Store, kind: str, params: Parameters, wanted: Filter) -> bool:
    """Start after or end before the object named; says whether to go from old to new."""
    if "starting_after" in params and "ending_before" in params:
        raise invalid(
            "You may only specify one of these parameters: starting_after, ending_before."
        )
    for param, comparison in (("starting_after", "<"), ("ending_before", ">")):
        if param in params:
            sequence = store.sequence(kind, params[param])
            if sequence is None:
                raise no_such(kind, params[param], param)
            wanted.add(f"seq {comparison} ?", sequence)
    return "ending_before" in params


def as_list(url: str, data: list[StripeObject], *, more: bool = False) -> StripeObject:
    return {"object": "list", "data": data, "has_more": more, "url": url}


def slice_of(call: Call, items: list[StripeObject]) -> StripeObject:
    """A page of a list that lives inside another object, oldest first."""
    places = {item["id"]: place for place, item in enumerate(items)}
    start = places.get(call.params.get("starting_after", ""), -1) + 1
    end = places.get(call.params.get("ending_before", ""), len(items))
    limit = limit_of(call.params)
    data = items[start:end][:limit]
    return as_list(call.path, data, more=end - start > limit)
