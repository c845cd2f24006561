"""https://docs.stripe.com/api/events"""

from inscrit.sandbox.errors import invalid
from inscrit.sandbox.lists import Filter, page
from inscrit.sandbox.operations import Call, operation
from inscrit.sandbox.store import StripeObject

MAX_TYPES = 20


class Retry:
    """What the CLI sends with ``stripe events resend``."""

    account: str
    for_stripecli: bool
    webhook_endpoint: str
    expand: list[str]


@operation("GET", "/v1/events/{id}", "EventRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("event", call.id)


@operation("GET", "/v1/events", "EventListParams")
def list_all(call: Call) -> StripeObject:
    """``delivery_success=false`` also gives what is still being tried, as at Stripe."""
    only = Filter()
    if "type" in call.params and "types" in call.params:
        raise invalid("You may only specify one of these parameters: type, types.")
    if kind := call.params.get("type"):
        only.add("json_extract(body, '$.type') GLOB ?", kind)
    if kinds := call.params.get("types"):
        add_types(only, kinds)
    if "delivery_success" in call.params:
        comparison = "= 0" if call.params["delivery_success"] else "> 0"
        only.add(f"json_extract(body, '$.pending_webhooks') {comparison}")
    return page(call, "event", only=only)


def add_types(only: Filter, kinds: list[str]) -> None:
    if len(kinds) > MAX_TYPES:
        raise invalid(f"You may only specify up to {MAX_TYPES} types.", "types")
    only.add(f"json_extract(body, '$.type') IN ({', '.join('?' * len(kinds))})", *kinds)


@operation("POST", "/v1/events/{id}/retry", Retry)
def retry(call: Call) -> StripeObject:
    event = call.sim.need("event", call.id)
    if call.params.get("for_stripecli"):
        call.sim.listeners.show(event)
        return event
    for endpoint in chosen(call):
        call.sim.deliveries.resend(event["id"], endpoint["id"])
    call.sim.deliveries.wake.set()
    return event


def chosen(call: Call) -> list[StripeObject]:
    name = call.params.get("webhook_endpoint")
    if name:
        return [call.sim.need("webhook_endpoint", name, "webhook_endpoint")]
    return [each for each in call.sim.endpoints() if each["status"] == "enabled"]
