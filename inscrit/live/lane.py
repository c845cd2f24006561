"""``/api/v1/events/{id}/places`` and its stream: answered from memory, before Django.

The stream is server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import re
from contextlib import suppress

import msgspec
from starlette.types import Receive, Scope, Send

from inscrit.departure import departure
from inscrit.monitoring import metrics

from .places import Channel, Places, Unavailable

PATH = re.compile(r"/api/v1/events/([A-Za-z0-9-]{1,64})/places(/stream)?")
# A comment now and then keeps proxies from closing a quiet stream.
HEARTBEAT_SECONDS = 20.0
ANY_ORIGIN = (b"access-control-allow-origin", b"*")  # public figures, no credentials


class LiveLane:
    """The places of events, once or as they change."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = PATH.fullmatch(scope["path"])
        if match is None:
            await _problem(send, 404, "not_found", "There is no such page.")
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _problem(send, 405, "method_not_allowed", "Only GET is accepted here.")
            return
        try:
            channel = await self._places.channel(match[1])
        except Unavailable:
            detail = "The places can't be read now. Try again in a moment."
            await _problem(send, 503, "unavailable", detail)
            return
        if channel is None:
            await _problem(send, 404, "not_found", "There is no such event.")
        elif match[2]:
            await _stream(channel, receive, send)
        else:
            await _answer(send, 200, b"application/json", channel.body)


async def _stream(channel: Channel, receive: Receive, send: Send) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        ANY_ORIGIN,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.create_task(_gone(receive))
    try:
        with metrics.LIVE_WATCHERS.track_inprogress():
            await _follow(channel, gone, send)
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _follow(channel: Channel, gone: "asyncio.Task[None]", send: Send) -> None:
    """Until the watcher leaves, or we do: its browser then opens the stream again, elsewhere."""
    await _chunk(send, b"retry: 2000\n\n")
    sent = b""
    leaving = departure.told()
    while not gone.done():
        changed = channel.changed
        if channel.body != sent:
            sent = channel.body
            await _chunk(send, b"event: places\ndata: " + sent + b"\n\n")
        await asyncio.wait(
            {gone, changed, leaving},
            timeout=HEARTBEAT_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if leaving.done() and not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if not changed.done() and not gone.done():
            await _chunk(send, b": still here\n\n")


async def _gone(receive: Receive) -> None:
    """Return when the watcher has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _chunk(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _problem(send: Send, status: int, code: str, detail: str) -> None:
    """An error as RFC 9457 has it."""
    problem = {"type": "about:blank", "title": detail, "status": status, "code": code}
    body = msgspec.json.encode(problem | {"detail": detail})
    await _answer(send, status, b"application/problem+json", body)


async def _answer(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        ANY_ORIGIN,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
