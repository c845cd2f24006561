"""Requests of people, programs and Stripe, with nothing but the standard library."""

import hashlib
import hmac
import http.client
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .shell import Failed

PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0: there was no answer, and ``body`` says why."""

    status: int
    body: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Raises Failed where there was no good answer."""
        if not self.ok:
            raise Failed(f"no good answer: {self.status} {self.body[:500]}")
        return json.loads(self.body)


class Client:
    """One connection, kept open as long as the server likes; a new one after that."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE)

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, given: Any, **headers: str) -> Answer:
        body = given if isinstance(given, str) else json.dumps(given)
        return self._ask("POST", path, body, {"Content-Type": "application/json", **headers})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        try:
            self._connection.request(method, path, body and body.encode(), headers)
            response = self._connection.getresponse()
            return Answer(response.status, response.read().decode())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(0, f"{type(error).__name__}: {error}")


def signature(body: str, secret: str) -> str:
    """Stripe's header for a body: https://docs.stripe.com/webhooks#verify-manually"""
    now = int(time.time())
    digest = hmac.new(secret.encode(), f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"
