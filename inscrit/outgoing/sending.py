"""One POST to another program: no redirect, no proxy, no patience, and little of its answer."""

import asyncio
import time
from dataclasses import dataclass

import httpx

from inscrit import __version__

from .destination import Forbidden, resolve

SECONDS = 10.0
MOST_READ = 1000
GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: a status and the beginning of the body, or an error."""

    milliseconds: int
    status: int | None = None
    excerpt: str = ""
    error: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_unreachable(self) -> bool:
        """Nobody answered: the next message would not be taken now either."""
        return self.status is None


async def post(url: str, body: str, headers: dict[str, str]) -> Answer:
    """Send it once. Never raises for what the other side does."""
    began = time.monotonic()

    def passed() -> int:
        return round((time.monotonic() - began) * 1000)

    try:
        async with asyncio.timeout(SECONDS):
            status, excerpt = await _exchange(url, body, headers)
    except Forbidden as error:
        return Answer(passed(), error=str(error))
    except TimeoutError:
        return Answer(passed(), error=f"no answer within {SECONDS:.0f} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Answer(passed(), error=f"{type(error).__name__}: {error}".strip(": ")[:300])
    return Answer(passed(), status, excerpt)


async def _exchange(url: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    there = await resolve(url)
    headers = headers | {
        "host": there.authority,
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"Inscrit/{__version__}",
    }
    async with (
        httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
        client.stream(
            "POST",
            there.pinned_url,
            content=body.encode(),
            headers=headers,
            extensions={"sni_hostname": there.host},
        ) as answer,
    ):
        return answer.status_code, await _beginning(answer)


async def _beginning(answer: httpx.Response) -> str:
    read = b""
    async for piece in answer.aiter_raw():
        read += piece
        if len(read) >= MOST_READ:
            break
    # PostgreSQL takes no NUL.
    return read[:MOST_READ].decode("utf-8", "replace").replace("\0", "\ufffd")
