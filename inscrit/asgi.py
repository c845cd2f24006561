"""The one door: two small fast lanes, static files, and Django for everything else."""

import os
from typing import cast

import structlog
from django.core.asgi import get_asgi_application
from starlette.types import ASGIApp, Receive, Scope, Send

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inscrit.settings")
django_application = get_asgi_application()

from inscrit import config  # noqa: E402 - Django has to be set up before its rooms are imported
from inscrit.live.lane import PATH, LiveLane  # noqa: E402
from inscrit.live.places import Places  # noqa: E402
from inscrit.monitoring.request_ids import request_id  # noqa: E402
from inscrit.registrations.services import desk  # noqa: E402
from inscrit.static_files import Static  # noqa: E402
from inscrit.webhooks.committer import Committer  # noqa: E402
from inscrit.webhooks.intake import PATHS, Intake  # noqa: E402
from inscrit.webhooks.signature import secrets  # noqa: E402

STATIC_ROOMS = ("django.contrib.admin", "ninja", "inscrit.backoffice", "inscrit.pages")
log = structlog.get_logger()


class Door:
    """Sends each request to its lane, and opens and closes the lanes with the server."""

    def __init__(self, settings: config.Config, django: ASGIApp) -> None:
        database_url = settings.database_url or ""
        self._committer = Committer(database_url, livemode=settings.livemode, desk=desk(settings))
        self._places = Places(database_url)
        self._webhooks = Intake(secrets(settings.stripe_webhook_secrets), self._committer)
        self._live = LiveLane(self._places)
        self._static = Static(STATIC_ROOMS)
        self._django = django

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live_through(receive, send)
            return
        with request_id(scope):
            await self._lane(scope["path"])(scope, receive, send)

    def _lane(self, path: str) -> ASGIApp:
        if path in PATHS:
            return self._webhooks
        if PATH.fullmatch(path):
            return self._live
        if path.startswith("/static/"):
            return self._static
        return self._django

    async def _live_through(self, receive: Receive, send: Send) -> None:
        """https://asgi.readthedocs.io/en/latest/specs/lifespan.html"""
        await receive()
        await self._committer.start()
        await self._places.start()
        log.info("🚪 Web side ready")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._places.stop()
        await self._committer.stop()
        await send({"type": "lifespan.shutdown.complete"})


application = Door(config.current(), cast("ASGIApp", django_application))
