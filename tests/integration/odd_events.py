"""What a hostile, broken or merely future Stripe might send, as Hypothesis strategies."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from inscrit.webhooks.notification import HANDLED

LAST_SECOND = 253_402_300_799
# Python can't write these: each stands for itself until the text is made.
LITERALS = {
    "«huge»": "1" + "0" * 400,
    "«endless»": "-" + "7" * 5000,
    "«exponent»": "1e999999",
    "«whole float»": "1000.0",
    "«deep»": "[" * 300 + "]" * 300,
}
NOT_JSON = {
    "«NaN»": "NaN",
    "«infinity»": "-Infinity",
    "«control»": '"\x01"',
    "«zero first»": "01",
    "«twice»": '{"k": 1, "k": 2}',  # docs/decisions/0023
}
WORDS = [
    *("", " ", "1000", "eur", "EUR", "euro", "paid", "unpaid", "pi_1", "cs_1", "reg-1", "null"),
    *("\ud800", "a\udc00b", "\0", "reg-\0", "\x85", "\u202e", "\n🔔 Received", "é" * 300),
    "x" * 5000,
]
EDGES = [0, 1, -1, 999, 1000, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**65)]
TYPES = [*sorted(HANDLED), "customer.created", "charge.brand_new", "x" * 100]
FIELDS = [
    *("id", "object", "metadata", "client_reference_id", "payment_intent", "payment_status"),
    *("amount_total", "amount_received", "amount_refunded", "currency", "status", "brand_new"),
]
GONE = "«gone»"

texts = st.sampled_from(WORDS) | st.text(max_size=20)
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(EDGES)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(sorted(LITERALS))
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True, slots=True)
class OddEvent:
    """A paid session's event with changes to its object and its envelope."""

    type: str
    object: Any
    envelope: dict[str, Any] = field(default_factory=dict)
    indent: int | None = None
    ascii: bool = True

    def body(self, number: int, registration: str) -> bytes:
        """Its text, about this registration's money; ``number`` makes its id unlike all others."""
        event = {
            "id": f"evt_{number}",
            "object": "event",
            "type": self.type,
            "created": int(time.time()),
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "data": {"object": self._object(registration)},
        } | self.envelope
        said = json.dumps(_without_the_gone(event), indent=self.indent, ensure_ascii=self.ascii)
        said = said.replace("«n»", str(number))
        for name, literal in (LITERALS | NOT_JSON).items():
            said = said.replace(json.dumps(name, ensure_ascii=self.ascii), literal)
        return said.encode("utf-8", "surrogatepass")

    def _object(self, registration: str) -> Any:
        if not isinstance(self.object, dict):
            return self.object
        session = {
            "id": f"cs_{registration}",
            "object": "checkout.session",
            "metadata": {"registrationId": registration},
            "payment_intent": f"pi_{registration}",
            "payment_status": "paid",
            "amount_total": 1000,
            "amount_received": 1000,
            "amount_refunded": 1000,
            "currency": "eur",
        }
        return _without_the_gone(session | self.object)


def _without_the_gone(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value != GONE}


def as_event(body: bytes) -> dict[str, Any] | None:
    """The Stripe event in a body, by the standard library's reader and by none of ours."""
    try:
        said = json.loads(
            body.decode(), parse_int=_whole, parse_constant=_refuse, object_pairs_hook=_once
        )
    except ValueError:
        return None
    return said if isinstance(said, dict) and _is_envelope(said) else None


def _is_envelope(said: dict[str, Any]) -> bool:
    created = said.get("created")
    return (
        _is_word(said.get("id"), 255)
        and _is_word(said.get("type"), 100)
        and type(created) is int
        and 0 <= created <= LAST_SECOND
        and isinstance(said.get("livemode"), bool)
        and isinstance(said.get("api_version"), str | None)
        and isinstance(said.get("data"), dict)
        and "object" in said["data"]
    )


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _is_word(said: Any, most: int) -> bool:
    if not isinstance(said, str) or not 0 < len(said) <= most:
        return False
    return all("!" <= character <= "~" for character in said)


metadata = st.dictionaries(st.just("registrationId") | texts, odd, max_size=2)
changes = st.dictionaries(st.sampled_from(FIELDS) | texts, odd | st.just(GONE), max_size=3)
tagged = st.builds(lambda tags, more: {"metadata": tags} | more, metadata, changes)
objects = changes | tagged | odd
additions = st.dictionaries(
    st.sampled_from(["object", "account", "pending_webhooks", "request", "context"]), odd
)
versions = st.fixed_dictionaries({}, optional={"api_version": st.none() | texts | st.just(GONE)})
formats = {"indent": st.sampled_from([None, 2]), "ascii": st.booleans()}
# Stripe's envelope is right, whatever stands in it.
events = st.builds(
    OddEvent,
    st.sampled_from(TYPES),
    objects,
    st.builds(lambda more, version: more | version, additions, versions),
    **formats,
)
breaks = st.dictionaries(
    st.sampled_from(["id", "type", "created", "livemode", "api_version", "data", "more"]),
    odd
    | st.sampled_from([GONE, *NOT_JSON, "evt_«n»'\"\\", "evt_«n» ", "e" * 255, "e" * 256])
    | st.fixed_dictionaries({"object": odd}),
    min_size=1,
    max_size=2,
)
broken_events = st.builds(OddEvent, st.sampled_from(TYPES), objects, breaks, **formats)
mangles = st.sampled_from(
    [
        lambda body: body,
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.decode("utf-8", "replace").encode("utf-16"),
        lambda body: body[:-1],
        lambda body: body + b"\0",
        lambda body: body + b"\n\r\n ",
        lambda body: body + body,
        lambda body: b"[" + body + b"]",
        lambda body: body.replace(b"evt_", b"evt_\xff", 1),
        lambda body: body.replace(b'"id"', b'"id": "evt_other", "id"', 1),
        lambda body: b"",
    ]
)
