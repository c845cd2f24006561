"""Whether a body really comes from Stripe, and by which of our secrets we know.

https://docs.stripe.com/webhooks#verify-manually. The official library does the comparison; it
accepts timestamps in the future, so that side is bounded here.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from stripe import SignatureVerificationError, WebhookSignature

TOLERANCE = 300
LONGEST_HEADER = 16 * 1024


class BadSignature(Exception):
    """The body can't be trusted; the message says why, without any secret."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret with the fingerprint that may be shown and stored."""

    value: str
    fingerprint: str

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"


def secrets(values: Sequence[str]) -> tuple[Secret, ...]:
    return tuple(Secret(value, hashlib.sha256(value.encode()).hexdigest()[:12]) for value in values)


def verify(body: str, header: str | None, known: Sequence[Secret]) -> Secret:
    """The secret that signed this body. Raises BadSignature."""
    if not header:
        raise BadSignature("no Stripe-Signature header")
    if not header.isascii():
        raise BadSignature("the header holds more than plain characters")
    if len(header) > LONGEST_HEADER:
        raise BadSignature("the header is too long")
    if abs(time.time() - _timestamp(header)) > TOLERANCE:
        raise BadSignature("the timestamp is too far from now")
    for secret in known:
        try:
            WebhookSignature.verify_header(body, header, secret.value, TOLERANCE)
        except SignatureVerificationError:
            continue
        return secret
    raise BadSignature("no secret of ours made this signature")


def _timestamp(header: str) -> int:
    """The first one, which is the one that the library takes as signed. Raises BadSignature."""
    stated = next((item[2:] for item in header.split(",") if item.startswith("t=")), "")
    if not stated.isdigit() or len(stated) > 12:
        raise BadSignature("no timestamp in the header")
    return int(stated)
