"""Identifiers that look like Stripe's."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits
# One sign for each of the 256 bytes; some come up a little more often than others.
SIGNS = (ALPHABET * 5)[:256].encode()


def token(length: int) -> str:
    return secrets.token_bytes(length).translate(SIGNS).decode()


def new_id(prefix: str) -> str:
    """``new_id("pi")`` gives ``pi_3Q…``; Checkout sessions are longer, as at Stripe."""
    if prefix == "cs":
        return f"cs_test_a1{token(56)}"
    return f"{prefix}_1{token(23)}"
