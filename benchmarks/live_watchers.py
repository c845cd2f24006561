"""Thousands who watch the last places of one event, on one `inscrit serve`.

1. So many streams are opened; what one costs is the server process's growth in resident memory.
2. Registrations are made through the API; how long until everybody has been told of each.
3. Webhooks come in as fast as the lane takes them, in turns: in calm; while every stream drops and
   comes back at once; and while as many do so next door, at a second `inscrit serve` that takes no
   webhooks. That storm costs the machine the same (this program, the kernel, a server), so what
   differs between the last two is what a storm does to the process that has the lane. A turn lasts
   as long as its storm: no calm after it makes the figures better.

    python -m benchmarks.live_watchers [--watchers 5000] [--changes 5] [--rounds 3] [--events 15000]
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

import httpx
import psutil
import psycopg
import uvloop

from inscrit import config, embedded, ports

from .load import Figures, fire
from .webhook_lane import SECRET, request, seed

EVENT = "ev-watched-0"
WARM_UP = 500
CALM_SECONDS = 5
# The backlog of a listening socket is finite; nobody's browsers come back in one microsecond.
OPENED_AT_ONCE = 250


class Stream(asyncio.Protocol):
    """One watcher. ``told`` is the number of the last change it was told of."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._transport: asyncio.Transport | None = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._crowd.request)

    def data_received(self, data: bytes) -> None:
        if b"event: places" not in data:
            return
        if not self.open:
            self.open = True
            self._crowd.opened()
        elif self._crowd.awaited in data:
            self._crowd.told.append(time.perf_counter())

    def connection_lost(self, _error: Exception | None) -> None:
        self.open = False

    def drop(self) -> None:
        if self._transport:
            self._transport.abort()


@dataclass
class Crowd:
    """All watchers of one event."""

    port: int
    size: int
    awaited: bytes = b"?"
    told: list[float] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    _missing: int = 0
    _all_open: "asyncio.Event" = field(default_factory=asyncio.Event)

    @property
    def request(self) -> bytes:
        path = f"/api/v1/events/{EVENT}/places/stream"
        return (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode()
        )

    def opened(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._all_open.set()

    async def come(self) -> float:
        """Open every stream; seconds until each had the places of the moment."""
        began = time.perf_counter()
        self._missing, self._all_open = self.size, asyncio.Event()
        self.streams = [Stream(self) for _ in range(self.size)]
        loop = asyncio.get_running_loop()
        for first in range(0, self.size, OPENED_AT_ONCE):
            some = self.streams[first : first + OPENED_AT_ONCE]
            await asyncio.gather(
                *(
                    loop.create_connection(lambda stream=stream: stream, "127.0.0.1", self.port)  # type: ignore[misc]
                    for stream in some
                )
            )
        await asyncio.wait_for(self._all_open.wait(), 120)
        return time.perf_counter() - began

    def leave(self) -> None:
        for stream in self.streams:
            stream.drop()
        self.streams = []

    async def await_told(self, confirmed: int) -> None:
        until = time.monotonic() + 60
        while len(self.told) < self.size:
            if time.monotonic() > until:
                raise SystemExit(f"Only {len(self.told)} of {self.size} were told of {confirmed}.")
            await asyncio.sleep(0.01)


@contextmanager
def serving() -> Iterator[tuple[int, psutil.Process]]:
    """The real ``inscrit serve``: its port and process."""
    port = ports.free()
    process = subprocess.Popen(
        [sys.executable, "-m", "inscrit", "serve", "--port", str(port)], stdout=subprocess.DEVNULL
    )
    try:
        while True:
            with suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
                break
            if process.poll() is not None:
                raise SystemExit("inscrit serve did not start.")
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


async def register(web: httpx.AsyncClient) -> int:
    """One more confirmed place, by the service; how many there are then."""
    person = {"first_name": "Lou", "last_name": "Roy"}
    order = {"contact": {"name": "Ana Roy", "email": "ana@example.org"}, "participants": [person]}
    answer = await web.post(f"/api/v1/events/{EVENT}/registrations", json=order)
    answer.raise_for_status()
    assert answer.json()["status"] == "FREE"
    places = (await web.get(f"/api/v1/events/{EVENT}")).raise_for_status().json()
    return int(places["confirmed"])


async def one_change(crowd: Crowd, web: httpx.AsyncClient, confirmed: int) -> list[float]:
    """Seconds after the registration's answer until each watcher had been told, sorted."""
    crowd.told.clear()
    crowd.awaited = f'"confirmed":{confirmed},'.encode()
    began = time.perf_counter()
    assert await register(web) == confirmed
    await crowd.await_told(confirmed)
    return sorted(at - began for at in crowd.told)


async def changes(crowd: Crowd, count: int) -> None:
    """How fast news goes round."""
    medians, lasts = [], []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{crowd.port}", timeout=30) as web:
        confirmed = await register(web)
        await asyncio.sleep(2)
        for n in range(count):
            seconds = await one_change(crowd, web, confirmed + 1 + n)
            medians.append(seconds[len(seconds) // 2])
            lasts.append(seconds[-1])
            await asyncio.sleep(1.5)
    print(
        f"a change: half are told after {statistics.median(medians):.2f} s, all "
        f"{crowd.size:,} after {statistics.median(lasts):.2f} s (slowest {max(lasts):.2f} s)"
    )


async def under_load(port: int, ids: list[str], trouble: Awaitable[None]) -> Figures:
    """The lane while webhooks come in, for as long as the trouble lasts."""
    over = asyncio.Event()
    requests = takewhile(lambda _: not over.is_set(), [request(id_) for id_ in ids])
    firing = asyncio.create_task(fire(port, requests, 64))
    await trouble
    assert not firing.done(), "the storm outlasted the webhooks: give more --events"
    over.set()
    figures = await firing
    assert figures.refused == 0, f"{figures.refused} webhooks were refused"
    return figures


async def storm(crowd: Crowd) -> None:
    crowd.leave()
    print(f"  everybody is back after {await crowd.come():.1f} s", flush=True)


async def storms(crowd: Crowd, neighbours: Crowd, url: str, arguments: argparse.Namespace) -> None:
    turns: dict[str, Callable[[], Awaitable[None]]] = {
        "calm": lambda: asyncio.sleep(CALM_SECONDS),
        "storm next door": lambda: storm(neighbours),
        "storm here": lambda: storm(crowd),
    }
    runs: dict[str, list[Figures]] = {name: [] for name in turns}
    await fire(crowd.port, [request(id_) for id_ in seed(url, "warm", WARM_UP)], 64)
    for round_ in range(arguments.rounds):
        # Nobody always comes first, or always after the same one.
        first = round_ % len(turns)
        for name in [*turns, *turns][first : first + len(turns)]:
            ids = seed(url, f"{name.replace(' ', '-')}{round_}", arguments.events)
            figures = await under_load(crowd.port, ids, turns[name]())
            runs[name].append(figures)
            show(name, figures)
    compare(runs, "storm next door", "calm")
    compare(runs, "storm here", "calm")
    compare(runs, "storm here", "storm next door")


def show(name: str, figures: Figures) -> None:
    print(
        f"  {name:15} {figures.per_second:7,.0f}/s  median {figures.median:6.1f} ms"
        f"  p99 {figures.p99:7.1f} ms",
        flush=True,
    )


def compare(runs: dict[str, list[Figures]], name: str, other: str) -> None:
    """Medians over the rounds of one to the other in the same round."""

    def ratio(figure: str) -> float:
        pairs = zip(runs[name], runs[other], strict=True)
        return statistics.median(
            float(getattr(one, figure)) / float(getattr(two, figure)) for one, two in pairs
        )

    print(
        f"{name} / {other}: the lane does {ratio('per_second'):.2f} of its throughput,"
        f" its median latency is {ratio('median'):.2f} times as long, p99 {ratio('p99'):.2f} times"
    )


async def run(url: str, port: int, server: psutil.Process, arguments: argparse.Namespace) -> None:
    crowd = Crowd(port, arguments.watchers)
    few = Crowd(port, 200)
    await few.come()  # what the first streams load is no watcher's cost
    few.leave()
    await asyncio.sleep(1)
    before = server.memory_info().rss
    seconds = await crowd.come()
    await asyncio.sleep(2)
    each = (server.memory_info().rss - before) / crowd.size / 1000
    print(f"{crowd.size:,} streams are open after {seconds:.1f} s, {each:.1f} kB of memory each")
    await changes(crowd, arguments.changes)
    print(f"afterwards {(server.memory_info().rss - before) / crowd.size / 1000:.1f} kB each")
    with serving() as (next_door, _):
        neighbours = Crowd(next_door, arguments.watchers)
        await neighbours.come()
        await storms(crowd, neighbours, url, arguments)
        neighbours.leave()
    crowd.leave()


def raise_file_limit(wanted: int) -> None:
    """Each stream is a file, here and in the server, which inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SystemExit(f"{wanted} files have to be open, the system allows {hard} (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def environment(folder: str) -> dict[str, Any]:
    return {
        "INSCRIT_DATA_DIR": folder,
        "STRIPE_SECRET_KEY": "sk_test_benchmark",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "DJANGO_SETTINGS_MODULE": "inscrit.settings",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--watchers", type=int, default=5000)
    parser.add_argument("--changes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=15_000)
    arguments = parser.parse_args()
    raise_file_limit(2 * arguments.watchers + 1000)
    with tempfile.TemporaryDirectory(prefix="inscrit-benchmark-") as folder:
        os.environ |= environment(folder)
        os.environ.pop("DATABASE_URL", None)
        with embedded.database(config.load()) as url:
            os.environ |= {"DATABASE_URL": url, "SECRET_KEY": "benchmark"}
            subprocess.run([sys.executable, "-m", "inscrit", "migrate"], check=True, stdout=-3)
            seed(url, "watched", 10_000)
            with psycopg.connect(url) as connection:  # free of charge: registering confirms at once
                connection.execute(
                    "UPDATE events_event SET price = 0, capacity = 20000 WHERE id = %s", (EVENT,)
                )
            with serving() as (port, server):
                uvloop.run(run(url, port, server, arguments))


if __name__ == "__main__":
    assert Path("pyproject.toml").exists(), "run it from the repository"
    main()
