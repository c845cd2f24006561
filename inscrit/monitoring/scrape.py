"""``GET /metrics``: Prometheus's text format, for whoever is inside or has the token.

A request that came through a proxy comes from outside. Prometheus asks each replica by its own
address, which is no host of ours: so this is answered before Django looks at the host.
"""

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from . import metrics, totals

PATH = "/metrics"
# Its own: they answer while every other thread waits for a lock.
THREADS = ThreadPoolExecutor(2, "metrics")
SIGNS_OF_A_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip")


class Scrape:
    """``token`` is what a scraper has to show, if there is one."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._refusal(scope["method"], Headers(scope=scope)) or await _metrics()
        await response(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> Response | None:
        if method not in ("GET", "HEAD"):
            return PlainTextResponse("Only GET is accepted here.\n", 405, {"allow": "GET, HEAD"})
        if self._token:
            return None if self._is_shown(headers) else _ask_for_the_token()
        if any(sign in headers for sign in SIGNS_OF_A_PROXY):
            return PlainTextResponse(
                "Metrics are not shown through a proxy. Set METRICS_TOKEN, and scrape with it.\n",
                403,
            )
        return None

    def _is_shown(self, headers: Headers) -> bool:
        shown = headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(shown.encode(), (self._token or "").encode())


def _ask_for_the_token() -> Response:
    return PlainTextResponse(
        "Scrape with the METRICS_TOKEN: Authorization: Bearer …\n",
        401,
        {"www-authenticate": "Bearer"},
    )


async def _metrics() -> Response:
    text = await asyncio.get_running_loop().run_in_executor(THREADS, _text)
    return Response(text, media_type=metrics.CONTENT_TYPE)


def _text() -> bytes:
    try:
        return text()
    finally:
        connection.close()


def text() -> bytes:
    """All that this container and the database tell."""
    return metrics.exposition() + totals.exposition()
