"""Event objects: what happened, kept, and queued for every endpoint that asked for it."""

from typing import TYPE_CHECKING, Any

from inscrit.sandbox.ids import new_id
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.version import API_VERSION

if TYPE_CHECKING:
    from inscrit.sandbox.simulator import Simulator


def emit(
    sim: "Simulator", kind: str, item: StripeObject, previous: dict[str, Any] | None = None
) -> StripeObject:
    """Record that ``kind`` happened to ``item``; ``previous`` holds the values that changed."""
    endpoints = [each for each in sim.endpoints() if listens(each, kind)]
    data = (
        {"object": item} if previous is None else {"object": item, "previous_attributes": previous}
    )
    event = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": sim.clock.seconds(),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": {"id": sim.request.id, "idempotency_key": sim.request.idempotency_key},
        "type": kind,
    }
    sim.store.add(event)
    for endpoint in endpoints:
        sim.deliveries.queue(event, endpoint)
    sim.emitted.append(event)
    return event


def listens(endpoint: StripeObject, kind: str) -> bool:
    wanted = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in wanted or kind in wanted)
