"""How much of a request is taken, before anything of it is looked at."""

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from inscrit.asgi import MOST_BYTES, MOST_BYTES_OF_ANYBODY, Bounded

COOKIE = (b"cookie", b"csrftoken=x; sessionid=y")
PHOTO = "/admin/events/event/ev-1/photo"


def answered(path: str, pieces: list[int], *headers: tuple[bytes, bytes]) -> tuple[int, str]:
    """The status, and what is said to somebody who sends pieces of these sizes."""

    async def read_all(_scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    left = list(pieces)

    async def receive() -> Message:
        size = left.pop(0)
        return {"type": "http.request", "body": bytes(size), "more_body": bool(left)}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    asyncio.run(Bounded(read_all)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"]).get("code", "")


@pytest.mark.parametrize("path", ["/events/farm/register", "/api/v1/events", PHOTO])
def test_anybody_may_send_what_fits_into_memory(path: str) -> None:
    half = MOST_BYTES_OF_ANYBODY // 2
    assert answered(path, [half, half])[0] == 200
    assert answered(path, [half, half, 1]) == (413, "body_too_large")
    stated = (b"content-length", b"%d" % (MOST_BYTES_OF_ANYBODY + 1))
    assert answered(path, [1], stated) == (413, "body_too_large")


def test_a_photo_may_be_larger_for_who_is_signed_in() -> None:
    assert answered(PHOTO, [MOST_BYTES_OF_ANYBODY, 1], COOKIE)[0] == 200
    assert answered(PHOTO, [MOST_BYTES, 1], COOKIE) == (413, "body_too_large")
    assert answered("/events/farm/register", [MOST_BYTES_OF_ANYBODY, 1], COOKIE)[0] == 413


def test_a_length_of_thousands_of_digits_is_too_large() -> None:
    stated = (b"content-length", b"9" * 5000)
    assert answered(PHOTO, [1], COOKIE, stated) == (413, "body_too_large")
