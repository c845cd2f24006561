"""The ``Stripe-Signature`` header: https://docs.stripe.com/webhooks#verify-manually"""

import hmac
from collections.abc import Iterable


def sign(payload: bytes, secrets: Iterable[str], timestamp: int) -> str:
    """One ``v1`` for each secret: while a secret is being rolled there are two.

    ``timestamp`` is in whole seconds since 1970 of the real clock, never the sandbox's: the
    receiver compares it with its own.
    """
    signed = b"%d.%s" % (timestamp, payload)
    digests = (hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])
