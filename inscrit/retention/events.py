"""A Stripe event without the person in it: the facts that we read stay, so it can be applied again.

Names, addresses, the last digits of a card and whatever else Stripe sends are left out.
"""

import json
from typing import Any

from inscrit.webhooks.notification import Notification, StripeObject

ENVELOPE = (*(name for name in Notification.__struct_fields__ if name != "data"), "object")
OBJECT = frozenset(StripeObject.__struct_fields__) - {"metadata"}
METADATA = ("registrationId", "refundNumber")


def facts_of(payload: str) -> str:
    """The same event with nothing but what the lifecycle needs."""
    event = json.loads(payload)
    thing = event.get("data", {}).get("object")
    facts = _kept(event, ENVELOPE) | {"data": {"object": _facts(thing)}}
    return json.dumps(facts, ensure_ascii=False)


def _facts(thing: Any) -> dict[str, Any]:
    if not isinstance(thing, dict):
        return {}
    facts = {name: value for name, value in _kept(thing, OBJECT).items() if _is_plain(value)}
    metadata = thing.get("metadata")
    return facts | {"metadata": _kept(metadata, METADATA)} if isinstance(metadata, dict) else facts


def _is_plain(value: Any) -> bool:
    """An expanded object may hold anything."""
    return not isinstance(value, dict | list)


def _kept(source: dict[str, Any], names: Any) -> dict[str, Any]:
    return {name: source[name] for name in sorted(names) if name in source}
