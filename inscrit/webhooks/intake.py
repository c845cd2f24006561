"""``POST /stripe/webhooks``: a bare ASGI callable, verified first and answered last.

200 only once the event is durable; 400 for what can't be trusted or read; 503 while it can't be
stored, and Stripe sends it again. https://docs.stripe.com/webhooks
"""

import time

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from inscrit.monitoring import metrics, request_ids

from .committer import Busy, Committer
from .inbox import Received
from .notification import Unreadable, read
from .signature import BadSignature, Secret, verify

PATHS = frozenset({"/stripe/webhooks", "/stripe/webhooks/"})
LARGEST_BODY = 1024 * 1024
RETRY_AFTER = b"10"
SIGNATURE_FAILED = "⚠️  Webhook signature verification failed"

log = structlog.get_logger()


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, reason: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers


class Gone(Exception):
    """The client went away before it had sent everything."""


class Intake:
    """The webhook lane's door."""

    def __init__(self, secrets: tuple[Secret, ...], committer: Committer) -> None:
        self._secrets = secrets
        self._committer = committer
        # A secret that verifies nothing is told too, as 0.
        self._verified_by = {
            one.fingerprint: metrics.VERIFIED.labels(one.fingerprint) for one in secrets
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            await self._take(scope, receive, started)
        except Refusal as refusal:
            body = msgspec.json.encode({"error": str(refusal)})
            await _respond(send, refusal.status, body, refusal.headers)
        except Gone:
            log.warning("⚠️  Webhook cut off before its end")
        else:
            await _respond(send, 200, b'{"received": true}')
        metrics.WEBHOOK_SECONDS.observe(time.perf_counter() - started)

    async def _take(self, scope: Scope, receive: Receive, started: float) -> None:
        if scope["method"] != "POST":
            raise Refusal(405, "Only POST is accepted here.", (b"allow", b"POST"))
        if not self._secrets:
            log.error("❌ Webhook refused: STRIPE_WEBHOOK_SECRET is not set")
            raise Refusal(503, "No signing secret is configured.", (b"retry-after", b"300"))
        headers = dict(scope["headers"])
        body = _text(await _read(headers, receive))
        secret = self._verified(body, headers.get(b"stripe-signature"))
        try:
            notification = read(body)
        except Unreadable as error:
            log.warning("⚠️  Webhook body can't be read", reason=str(error))
            raise Refusal(400, f"The body can't be read: {error}") from None
        try:
            await self._committer.commit(
                Received(
                    notification, body, secret.fingerprint, started, request=request_ids.current()
                )
            )
        except Busy as error:
            raise Refusal(
                503, f"Try again later: {error}.", (b"retry-after", RETRY_AFTER)
            ) from None

    def _verified(self, body: str, header: bytes | None) -> Secret:
        try:
            secret = verify(body, header.decode("latin-1") if header else None, self._secrets)
        except BadSignature as error:
            metrics.SIGNATURE_FAILURES.inc()
            log.warning(SIGNATURE_FAILED, reason=str(error))
            raise Refusal(400, f"Webhook signature verification failed: {error}.") from None
        self._verified_by[secret.fingerprint].inc()
        return secret


async def _read(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    stated = headers.get(b"content-length", b"0")
    # Python would refuse to read an integer of thousands of digits.
    if stated.isdigit() and int(stated[:20]) > LARGEST_BODY:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > LARGEST_BODY:
            raise _too_large()
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _too_large() -> Refusal:
    log.warning("⚠️  Webhook body is too large")
    return Refusal(413, "The body is larger than 1 MiB.", (b"connection", b"close"))


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        metrics.SIGNATURE_FAILURES.inc()
        log.warning(SIGNATURE_FAILED, reason="the body is not UTF-8 text")
        raise Refusal(400, "The body is not UTF-8 text.") from None


async def _respond(
    send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
