"""https://docs.stripe.com/api/webhook_endpoints"""

from typing import Any
from urllib.parse import urlsplit

from inscrit.sandbox.errors import invalid
from inscrit.sandbox.fields import require, update
from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.lists import page
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

MAX_ENDPOINTS = 16


@operation("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams")
def create(call: Call) -> StripeObject:
    """The only answer in which the signing secret can be seen."""
    require(call.params, "enabled_events", "url")
    if len(call.sim.endpoints()) >= MAX_ENDPOINTS:
        raise invalid(f"You have reached the maximum of {MAX_ENDPOINTS} webhook endpoints.")
    secret = new_secret()
    return new_endpoint(call.sim, call.params, secret) | {"secret": secret}


def new_secret() -> str:
    return f"whsec_{token(32)}"


def new_endpoint(sim: Simulator, params: Parameters, secret: str) -> StripeObject:
    endpoint: StripeObject = {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": sim.clock.seconds(),
        "description": None,
        "enabled_events": events(params["enabled_events"]),
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": checked_url(params["url"]),
    }
    sim.forget_endpoints()
    return sim.store.add(update(endpoint, params, "description"), secrets=[alive(secret)])


def alive(secret: str, until: float | None = None) -> dict[str, Any]:
    """A signing secret; ``until`` is when it stops being used, in seconds of the real clock."""
    return {"secret": secret, "until": until}


def roll(sim: Simulator, endpoint: StripeObject, secret: str, until: float) -> None:
    """A new secret; the old ones sign as well until then (Stripe: at most 24 hours)."""
    old = [alive(each["secret"], until) for each in sim.store.hidden(endpoint["id"])["secrets"]]
    sim.store.hide(endpoint["id"], secrets=[alive(secret), *old])


def events(wanted: list[str]) -> list[str]:
    if not wanted:
        raise invalid("You must enable at least one event.", "enabled_events")
    return wanted


def checked_url(url: str) -> str:
    if not is_web_address(url):
        raise invalid(f"Invalid URL: {url}", "url", "url_invalid")
    return url


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def register(sim: Simulator, url: str, secret: str | None) -> StripeObject:
    """Make sure that ``url`` gets every event, signed with ``secret`` if one is given."""
    found = next((each for each in sim.endpoints() if each["url"] == url), None)
    if found is None:
        params = {"url": url, "enabled_events": ["*"]}
        return new_endpoint(sim, params, secret or new_secret())
    if secret:
        sim.store.hide(found["id"], secrets=[alive(secret)])
    return found


@operation("GET", "/v1/webhook_endpoints/{webhook_endpoint}", "WebhookEndpointRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("webhook_endpoint", call.id, "webhook_endpoint")


@operation("POST", "/v1/webhook_endpoints/{webhook_endpoint}", "WebhookEndpointUpdateParams")
def change(call: Call) -> StripeObject:
    endpoint = call.sim.need("webhook_endpoint", call.id, "webhook_endpoint")
    if "url" in call.params:
        endpoint["url"] = checked_url(call.params["url"])
    if "enabled_events" in call.params:
        endpoint["enabled_events"] = events(call.params["enabled_events"])
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    call.sim.forget_endpoints()
    return call.sim.store.save(update(endpoint, call.params, "description"))


@operation("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}")
def delete(call: Call) -> StripeObject:
    call.sim.need("webhook_endpoint", call.id, "webhook_endpoint")
    call.sim.store.delete(call.id)
    call.sim.forget_endpoints()
    return {"id": call.id, "object": "webhook_endpoint", "deleted": True}


@operation("GET", "/v1/webhook_endpoints", "WebhookEndpointListParams")
def list_all(call: Call) -> StripeObject:
    return page(call, "webhook_endpoint")
