"""Identifiers that look like Stripe's."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def token(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    """``new_id("pi")`` gives ``pi_3Q…``; Checkout sessions are longer, as at Stripe."""
    if prefix == "cs":
        return f"cs_test_a1{token(56)}"
    return f"{prefix}_1{token(23)}"
