"""Our webhook endpoint at Stripe: what it should be, and the steps that make it so.

Its address, exactly the events we handle, and the API version of the library. An endpoint's
version can't be changed: a new one takes over while the old one still delivers.
https://docs.stripe.com/webhooks/versioning
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

from inscrit.payments import stripe_gateway
from inscrit.payments.stripe_gateway import EndpointState

from .notification import HANDLED

PATH = "/stripe/webhooks"
EVENTS = tuple(sorted(HANDLED))
EVERYTHING = "*"


class NoAddress(Exception):
    """No address that Stripe could deliver to; the message says how to write it."""


class Deed(Enum):
    CREATE = auto()
    ENABLE = auto()
    SET_EVENTS = auto()
    DISABLE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do at Stripe. ``endpoint`` is None for the one that is to be made."""

    deed: Deed
    endpoint: EndpointState | None
    why: str

    def as_text(self) -> str:
        what = self.endpoint.id if self.endpoint else "a new endpoint"
        return f"{self.deed.name.lower().replace('_', ' ')}: {what} ({self.why})"


@dataclass(frozen=True, slots=True)
class Plan:
    """``keep`` is the endpoint that is ours afterwards, None if one has to be made; ``others``
    have the same address and go on delivering.
    """

    address: str
    keep: EndpointState | None
    steps: Sequence[Step]
    others: Sequence[EndpointState]


@dataclass(slots=True)
class Done:
    """What was done. ``secret`` is the new endpoint's, which Stripe never tells again."""

    plan: Plan
    endpoint: EndpointState | None
    secret: str | None = field(default=None, repr=False)


def address(url: str) -> str:
    """Where Stripe delivers to, from the site's address or the webhooks' own. Raises NoAddress."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = None
    if not usable or parts.query or parts.fragment:
        raise NoAddress(f"{url!r} is no address: write https://host")
    path = parts.path.rstrip("/")
    if path not in ("", PATH):
        raise NoAddress(f"{url!r}: Inscrit takes webhooks at https://host{PATH}, not at {path}")
    return f"{parts.scheme}://{parts.netloc}{PATH}"


def ours(address: str, known: Sequence[EndpointState]) -> list[EndpointState]:
    """The endpoints with our address; those that are on come first."""
    same = [endpoint for endpoint in known if endpoint.url.rstrip("/") == address]
    return sorted(same, key=lambda endpoint: not endpoint.enabled)


def plan(address: str, known: Sequence[EndpointState], version: str, *, retire: bool) -> Plan:
    """What has to be done so that exactly one endpoint is as it should be.

    Others with the same address are let be unless they are to ``retire``: the secret that the
    installation has may be one of theirs.
    """
    same = ours(address, known)
    keep = next((endpoint for endpoint in same if endpoint.api_version == version), None)
    others = [endpoint for endpoint in same if endpoint is not keep and endpoint.enabled]
    if keep is None:
        lacking = f"none of API version {version}" if same else "no endpoint yet"
        why = f"{address} has {lacking}"
        return Plan(address, None, [Step(Deed.CREATE, None, why)], others)
    steps = list(_repairs(keep))
    if retire:
        steps += [Step(Deed.DISABLE, one, "another one took over") for one in others]
    return Plan(address, keep, steps, [] if retire else others)


def _repairs(keep: EndpointState) -> "Sequence[Step]":
    found = []
    if not keep.enabled:
        found.append(Step(Deed.ENABLE, keep, "it was switched off"))
    missing, needless = HANDLED - keep.events, keep.events - HANDLED
    if missing or needless:
        told = [f"adds {event}" for event in sorted(missing) if EVERYTHING not in keep.events]
        told += [f"takes out {event}" for event in sorted(needless)]
        found.append(Step(Deed.SET_EVENTS, keep, ", ".join(told)))
    return found


async def look(address: str, *, retire: bool = False) -> Plan:
    """Ask Stripe what there is. Raises StripeUnavailable, StripeRefused."""
    known = await stripe_gateway.endpoints()
    return plan(address, known, stripe_gateway.api_version(), retire=retire)


async def carry_out(plan: Plan) -> Done:
    """Do what was planned. Raises StripeUnavailable, StripeRefused."""
    done = Done(plan, plan.keep)
    for step in plan.steps:
        match step:
            case Step(Deed.CREATE):
                done.endpoint, done.secret = await stripe_gateway.create_endpoint(
                    plan.address, EVENTS
                )
            case Step(Deed.DISABLE, EndpointState(id=other)):
                await stripe_gateway.change_endpoint(other, enabled=False)
            case Step(Deed.ENABLE | Deed.SET_EVENTS, EndpointState(id=kept)):
                done.endpoint = await stripe_gateway.change_endpoint(
                    kept, enabled=True, events=EVENTS
                )
    return done
