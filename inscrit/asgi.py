"""The one door: two small fast lanes, static files, metrics, and Django for everything else."""

import os
from typing import cast

import structlog
from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inscrit.settings")
django_application = get_asgi_application()

from inscrit import config, direct, memory  # noqa: E402 - Django has to be set up before its rooms are imported
from inscrit.departure import departure  # noqa: E402
from inscrit.live.lane import PATH, LiveLane  # noqa: E402
from inscrit.live.places import Places  # noqa: E402
from inscrit.monitoring import scrape  # noqa: E402
from inscrit.monitoring.answers import Counted  # noqa: E402
from inscrit.monitoring.pulse import Pulse  # noqa: E402
from inscrit.monitoring.request_ids import request_id  # noqa: E402
from inscrit.registrations.services import desk  # noqa: E402
from inscrit.static_files import Static  # noqa: E402
from inscrit.webhooks.committer import Committer  # noqa: E402
from inscrit.webhooks.intake import PATHS, Intake  # noqa: E402
from inscrit.webhooks.signature import secrets  # noqa: E402

STATIC_ROOMS = (
    "django.contrib.admin",
    "ninja",
    "inscrit.api",
    "inscrit.backoffice",
    "inscrit.checkin",
    "inscrit.desk",
    "inscrit.pages",
)
# Asked by machines that know this one by an address or a name of its own.
FOR_MACHINES = frozenset({"/healthz", "/readyz"})
# Django would put a request of any size on the disk before it looks at it. Photos are the largest;
# they come from the organisers' pages. What anybody may send it keeps in memory.
MOST_BYTES, MOST_BYTES_OF_ANYBODY = 64 * 1024 * 1024, 2 * 1024 * 1024
DESK = "/admin/"
log = structlog.get_logger()


class TooLarge(Exception):
    """A request is larger than any we take."""


class Bounded:
    """An application that is given no more of a request than whoever sends it may send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        most = _most(scope["path"], headers)
        # Python would refuse to read an integer of thousands of digits.
        digits = headers.get(b"content-length", b"0")[:20]
        stated = int(digits) if digits.isdigit() else 0
        try:
            await self._app(scope, _counted(receive, stated, most), send)
        except TooLarge:
            told = {
                "type": "about:blank",
                "title": "Request Entity Too Large",
                "status": 413,
                "code": "body_too_large",
                "detail": f"A request is {most} bytes at most.",
            }
            await JSONResponse(told, 413, {"connection": "close"}, "application/problem+json")(
                scope, receive, send
            )


def _most(path: str, headers: dict[bytes, bytes]) -> int:
    """How many bytes; a cookie may be made up, so this only keeps out who does not even do that."""
    signed_in = django_settings.SESSION_COOKIE_NAME.encode() + b"=" in headers.get(b"cookie", b"")
    return MOST_BYTES if path.startswith(DESK) and signed_in else MOST_BYTES_OF_ANYBODY


def _counted(receive: Receive, stated: int, most: int) -> Receive:
    """Raises TooLarge as soon as that is known."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        if stated > most:
            raise TooLarge
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise TooLarge
        return message

    return counted


class Door:
    """Sends each request to its lane, and opens and closes the lanes with the server."""

    def __init__(self, settings: config.Config, django: ASGIApp) -> None:
        database = direct.address()
        self._committer = Committer(database, livemode=settings.livemode, desk=desk(settings))
        self._places = Places(database)
        self._webhooks = Intake(secrets(settings.stripe_webhook_secrets), self._committer)
        self._live = LiveLane(self._places)
        self._scrape = scrape.Scrape(settings.metrics_token)
        self._pulse = Pulse(self._committer.queued)
        self._static = Static(STATIC_ROOMS)
        self._django = Bounded(django)
        self._pages = Counted(self._django)
        self._drain_seconds = settings.drain_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live_through(receive, send)
            return
        if departure.begun:
            send = _last_answer(send)
        with request_id(scope):
            await self._lane(scope["path"])(scope, receive, send)

    def _lane(self, path: str) -> ASGIApp:
        if path in PATHS:
            return self._webhooks
        if PATH.fullmatch(path):
            return self._live
        if path == scrape.PATH:
            return self._scrape
        if path.startswith("/static/"):
            return self._static
        if path in FOR_MACHINES:
            return self._answer_machines
        return self._pages

    async def _answer_machines(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope["headers"] if header[0] != b"host"]
        await self._django({**scope, "headers": [*headers, (b"host", b"localhost")]}, receive, send)

    async def _live_through(self, receive: Receive, send: Send) -> None:
        """https://asgi.readthedocs.io/en/latest/specs/lifespan.html"""
        await receive()
        await self._committer.start()
        await self._places.start()
        await self._pulse.start()
        departure.precede_stopping(self._drain_seconds)
        memory.settle()
        log.info("🚪 Web side ready")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pulse.stop()
        await self._places.stop()
        await self._committer.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _last_answer(send: Send) -> Send:
    """Asks the client to open its next connection elsewhere."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return closing


application = Door(config.current(), cast("ASGIApp", django_application))
