"""The files under ``/static/``: pressed, and kept where the address names the content."""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

FOR_EVER = "public, max-age=31536000, immutable"


class Static:
    """They hold no secret, so pressing them tells nobody anything."""

    def __init__(self, rooms: Sequence[str]) -> None:
        files = StaticFiles(packages=[(room, "static") for room in rooms])
        self._files = GZipMiddleware(files, minimum_size=1000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = scope["query_string"].startswith(b"v=")
        try:
            await self._files(
                {**scope, "root_path": "/static"}, receive, _kept(send) if named else send
            )
        except (HTTPException, ValueError):
            missing = PlainTextResponse("There is no such file.", status_code=404)
            await missing(scope, receive, send)


def _kept(send: Send) -> Send:
    async def with_header(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in (200, 304):
            MutableHeaders(scope=message)["Cache-Control"] = FOR_EVER
        await send(message)

    return with_header
