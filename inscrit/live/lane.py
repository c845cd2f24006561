"""``/api/v1/events/{id}/places``, its stream, and one stream for several events: answered
before Django.

The streams are server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from inscrit.departure import departure
from inscrit.monitoring import metrics

from .channel import Channel
from .places import MOST_EVENTS, Places
from .reader import Unavailable
from .watcher import Watcher

EVENT_ID = r"[A-Za-z0-9-]{1,64}"
PATH = re.compile(rf"/api/v1/(?:events/({EVENT_ID})/places(/stream)?|places/stream)")
EVENT_IDS = re.compile(rf"{EVENT_ID}(?:,{EVENT_ID})*")
ANY_ORIGIN = (b"access-control-allow-origin", b"*")  # public figures, no credentials
ALLOW = (b"allow", b"GET, HEAD, OPTIONS")
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    ANY_ORIGIN,
]


class Refused(Exception):
    """The request can't be answered: an error as RFC 9457 has it."""

    def __init__(self, status: int, code: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


class LiveLane:
    """The places of events, once or as they change."""

    def __init__(self, places: Places) -> None:
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._respond(scope, receive, send)
        except Refused as refused:
            await _problem(send, refused)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = PATH.fullmatch(scope["path"])
        if match is None:
            raise Refused(404, "not_found", "There is no such page.")
        if scope["method"] == "OPTIONS":
            await _permit(send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, "method_not_allowed", "Only GET is accepted here.", ALLOW)
        event_id, stream = match.groups()
        if event_id is None:
            await self._stream(await self._several(scope["query_string"]), receive, send, many=True)
        elif stream:
            await self._stream([await self._one(event_id)], receive, send)
        else:
            await _answer(send, 200, b"application/json", await self._now(event_id))

    async def _now(self, event_id: str) -> bytes:
        with _refusing():
            if body := await self._places.now(event_id):
                return body
        raise _no_such_event()

    async def _one(self, event_id: str) -> Channel:
        for channel in await self._channels([event_id]):
            return channel
        raise _no_such_event()

    async def _several(self, query: bytes) -> list[Channel]:
        """Those of ``events=a,b,c`` that there are. Raises Refused."""
        (given,) = parse_qs(query.decode("latin-1")).get("events", [""])[-1:]
        ids = list(dict.fromkeys(given.split(",")))
        if not EVENT_IDS.fullmatch(given) or len(ids) > MOST_EVENTS:
            detail = f"Name up to {MOST_EVENTS} events: ?events=ev-one,ev-two"
            raise Refused(422, "invalid", detail)
        channels = await self._channels(ids)
        if not channels:
            raise Refused(404, "not_found", "There are no such events.")
        return channels

    async def _channels(self, event_ids: list[str]) -> list[Channel]:
        with _refusing():
            return await self._places.channels(event_ids)

    async def _stream(
        self, channels: list[Channel], receive: Receive, send: Send, *, many: bool = False
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        watcher = Watcher(send)
        with (
            metrics.LIVE_WATCHERS.track_inprogress(),
            self._places.watched(channels, watcher, many=many),
            departure.announced_to(watcher.leave),
        ):
            await watcher.greet(b"".join(channel.frame(many=many) for channel in channels))
            await watcher.until_gone(receive)


def _no_such_event() -> Refused:
    return Refused(404, "not_found", "There is no such event.")


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        detail = "The places can't be read now. Try again in a moment."
        raise Refused(503, "unavailable", detail) from error


async def _problem(send: Send, refused: Refused) -> None:
    problem = {
        "type": "about:blank",
        "title": refused.detail,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
    }
    body = msgspec.json.encode(problem)
    await _answer(send, refused.status, b"application/problem+json", body, *refused.headers)


async def _permit(send: Send) -> None:
    """A browser asks whether a page's script may read this. Any may: it is on the public pages."""
    headers = [
        (b"access-control-allow-methods", b"GET"),
        (b"access-control-allow-headers", b"Authorization"),
        (b"access-control-max-age", b"3600"),
        ANY_ORIGIN,
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _answer(
    send: Send, status: int, content_type: bytes, body: bytes, *more: tuple[bytes, bytes]
) -> None:
    headers = [
        *more,
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        ANY_ORIGIN,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
