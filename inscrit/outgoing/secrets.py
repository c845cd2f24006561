"""The secrets that messages are signed with, as https://www.standardwebhooks.com/ has it.

A secret is derived from SECRET_KEY and a random salt: a copy of the database alone signs nothing.
"""

import base64
from datetime import timedelta

from django.utils import timezone
from django.utils.crypto import salted_hmac
from standardwebhooks import Webhook

from .models import Endpoint, new_salt

# How long the secret before goes on signing beside the new one.
OVERLAP = timedelta(hours=24)
BYTES = 24


def secret(endpoint: Endpoint) -> str:
    """The endpoint's own secret, to be shown once."""
    return _derived(endpoint.pk, endpoint.salt)


def rotate(endpoint: Endpoint) -> str:
    """Give it a new secret and return that; for a day messages carry both signatures."""
    endpoint.previous_salt, endpoint.salt = endpoint.salt, new_salt()
    endpoint.previous_until = timezone.now() + OVERLAP
    endpoint.save(update_fields=["salt", "previous_salt", "previous_until"])
    return secret(endpoint)


def signed(endpoint: Endpoint, message_id: str, body: str) -> dict[str, str]:
    """The headers that prove where a message comes from, and when it was sent."""
    now = timezone.now()
    hooks = (Webhook(_derived(endpoint.pk, salt)) for salt in endpoint.salts(now))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(hook.sign(message_id, now, body) for hook in hooks),
    }


def _derived(endpoint_id: str, salt: str) -> str:
    key = salted_hmac("inscrit.outgoing", f"{endpoint_id} {salt}", algorithm="sha256").digest()
    return "whsec_" + base64.b64encode(key[:BYTES]).decode()
