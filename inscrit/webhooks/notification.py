"""A Stripe event as it comes over the wire: only the fields we need, typed.

Unknown fields are skipped and missing ones have defaults, so that other API versions can be read.
https://docs.stripe.com/api/events/object
"""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import msgspec

from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    REFUND_STATES,
    ChargeRefunded,
    CheckoutCompleted,
    CheckoutExpired,
    DelayedPaymentFailed,
    DisputeChanged,
    DisputeStatus,
    Fact,
    PaymentAttemptFailed,
    PaymentSucceeded,
    RefundChanged,
)

# The end of the year 9999, where PostgreSQL goes on but Python's dates end.
LAST_SECOND = 253_402_300_799
PAYMENT_STATES = frozenset({"paid", "unpaid", "no_payment_required"})
# What the database's columns hold: anything beyond can't be Stripe's and is rejected, not tried.
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
StripeId = Annotated[str, msgspec.Meta(max_length=255)]
Currency = Annotated[str, msgspec.Meta(max_length=3)]
# An escaped character, a pair of halves, or (the group) half of one without its other half.
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD]([89a-fA-F])..|\\.")


class Unreadable(Exception):
    """The body is no Stripe event; the message says in what."""


class Data(msgspec.Struct):
    object: msgspec.Raw


class Notification(msgspec.Struct):
    """The envelope. ``created`` is in whole seconds UTC: never used to order anything."""

    id: str
    type: str
    created: int
    data: Data
    livemode: bool
    api_version: str | None = None


class StripeObject(msgspec.Struct):
    """The object inside, whichever it is. Amounts in minor units."""

    id: StripeId = ""
    object: str = ""
    metadata: dict[str, str] | None = None
    client_reference_id: str | None = None
    payment_intent: StripeId | None = None
    payment_status: str | None = None
    status: str | None = None
    amount: Amount | None = None
    amount_total: Amount | None = None
    amount_received: Amount | None = None
    amount_refunded: Amount | None = None
    currency: Currency | None = None

    @property
    def registration(self) -> str | None:
        """The registration that the object names, in its metadata or as its reference.

        Any application may give its sessions a reference; only one of our form is ours.
        """
        named = (self.metadata or {}).get("registrationId")
        if not named and (self.client_reference_id or "").startswith("reg-"):
            named = self.client_reference_id
        return named if named and len(named) <= 255 else None

    @property
    def refund_number(self) -> int | None:
        """Our own number of a refund that we ordered."""
        number = (self.metadata or {}).get("refundNumber", "")
        return int(number) if number.isascii() and number.isdigit() and len(number) < 18 else None


class Identified(msgspec.Struct):
    id: str = ""


_envelope = msgspec.json.Decoder(Notification)
_object = msgspec.json.Decoder(StripeObject)
_identified = msgspec.json.Decoder(Identified)


def read(body: str) -> Notification:
    """The envelope of a body. Raises Unreadable."""
    try:
        _strict.decode(body)
        notification = _decode(body)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a Stripe event: {error}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}") from None
    if not _plain(notification.id, 255) or not _plain(notification.type, 100):
        raise Unreadable("its id or type is not a plain word")
    if not 0 <= notification.created <= LAST_SECOND:
        raise Unreadable("created is no time")
    return notification


def _decode(body: str) -> Notification:
    """Half a character is valid JSON, but no text: it is read as a question mark."""
    try:
        return _envelope.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return _envelope.decode(_ESCAPE.sub(lambda seen: "?" if seen[1] else seen[0], body))


def _plain(word: str, most: int) -> bool:
    return 0 < len(word) <= most and word.isascii() and word.isprintable() and " " not in word


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> None:
    """Two readers of a repeated key may see two different events: nobody should."""
    if len(pairs) > 1 and len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice in one object")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


# Integers stay text here: Python would refuse to read one of more than 4,300 digits.
_strict = json.JSONDecoder(
    object_pairs_hook=_refuse_repeated_keys, parse_int=str, parse_constant=_refuse_constant
)


def read_object(notification: Notification) -> StripeObject:
    """The object of an event whose type we handle. Raises Unreadable."""
    try:
        seen = _object.decode(notification.data.object)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(f"its object can't be read: {error}") from None
    if not seen.id:
        raise Unreadable("its object has no id")
    if "\0" in f"{seen.id}{seen.payment_intent}{seen.currency}{seen.registration}":
        raise Unreadable("its object holds a NUL character")
    return seen


def object_id(notification: Notification) -> str:
    """The id of the object inside, whatever it is; empty if it has none."""
    try:
        return _identified.decode(notification.data.object).id[:255].replace("\0", "")
    except (msgspec.DecodeError, RecursionError):
        return ""


def _completed(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001 - all facts alike
    if seen.payment_status not in PAYMENT_STATES:
        raise Unreadable(f"payment_status {seen.payment_status!r} is not known")
    return CheckoutCompleted(
        session=seen.id,
        payment=seen.payment_intent,
        amount=seen.amount_total or 0,
        currency=seen.currency or "",
        paid=seen.payment_status != "unpaid",
        livemode=livemode,
    )


def _delayed_failed(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001
    return DelayedPaymentFailed(
        seen.id, seen.payment_intent, seen.amount_total or 0, seen.currency or "", livemode
    )


def _expired(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001
    return CheckoutExpired(seen.id, livemode)


def _succeeded(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001
    return PaymentSucceeded(seen.id, seen.amount_received or 0, seen.currency or "", livemode)


def _attempt_failed(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001
    return PaymentAttemptFailed(seen.id, livemode)


def _charge_refunded(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001
    return ChargeRefunded(seen.payment_intent or "", seen.amount_refunded or 0, livemode)


def _refund_changed(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001
    status = REFUND_STATES.get(seen.status or "")
    if status is None:
        raise Unreadable(f"refund status {seen.status!r} is not known")
    return RefundChanged(
        payment=seen.payment_intent or "",
        refund=seen.id,
        amount=seen.amount or 0,
        status=status,
        number=seen.refund_number,
        livemode=livemode,
    )


def _dispute_changed(seen: StripeObject, livemode: bool) -> Fact:  # noqa: FBT001
    try:
        status = DisputeStatus(seen.status or "")
    except ValueError:
        raise Unreadable(f"dispute status {seen.status!r} is not known") from None
    return DisputeChanged(
        payment=seen.payment_intent or "",
        dispute=seen.id,
        amount=seen.amount or 0,
        status=status,
        livemode=livemode,
    )


FACTS: dict[str, Callable[[StripeObject, bool], Fact]] = {
    "checkout.session.completed": _completed,
    "checkout.session.async_payment_succeeded": _completed,
    "checkout.session.async_payment_failed": _delayed_failed,
    "checkout.session.expired": _expired,
    "payment_intent.succeeded": _succeeded,
    "payment_intent.payment_failed": _attempt_failed,
    "charge.refunded": _charge_refunded,
    "charge.refund.updated": _refund_changed,
    "refund.created": _refund_changed,
    "refund.updated": _refund_changed,
    "refund.failed": _refund_changed,
    "charge.dispute.created": _dispute_changed,
    "charge.dispute.updated": _dispute_changed,
    "charge.dispute.closed": _dispute_changed,
    "charge.dispute.funds_withdrawn": _dispute_changed,
    "charge.dispute.funds_reinstated": _dispute_changed,
}
HANDLED = frozenset(FACTS)
# Types whose whole point is a confirmation: without a registration that deserves a warning.
CONFIRMING = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})


def report_of(notification: Notification) -> Report | None:
    """What an event reports; None for a type that we only log. Raises Unreadable."""
    to_fact = FACTS.get(notification.type)
    if to_fact is None:
        return None
    seen = read_object(notification)
    is_session = notification.type.startswith("checkout.")
    is_intent = notification.type.startswith("payment_intent.")
    return Report(
        fact=to_fact(seen, notification.livemode),
        actor="webhook",
        registration=seen.registration,
        session=seen.id if is_session else None,
        payment=seen.id if is_intent else seen.payment_intent,
        stripe_event=notification.id,
    )
