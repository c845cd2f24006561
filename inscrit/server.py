"""The web side under uvicorn."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import uvicorn

from inscrit import ports
from inscrit.live.entrance import Connection

# Longer than proxies keep an idle connection (Traefik: 90 s), so that it is they who close it: a
# request that is sent while we close would be lost.
KEEP_ALIVE_SECONDS = 120
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a container's own


def _memory() -> str | None:
    """Where no upload can take the room: a shared page that can't be written kills its process."""
    return str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """Where several processes of one command write their figures; gone when they are."""
    with tempfile.TemporaryDirectory(
        prefix="inscrit-metrics-", dir=_memory(), ignore_cleanup_errors=True
    ) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def run(host: str, port: int, workers: int, trusted_proxies: Sequence[str]) -> None:
    """Serve until told to stop. Raises PortTaken."""
    ports.require(host, port)
    is_shared = workers > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    with _shared_metrics() if is_shared else nullcontext():
        _serve(host, port, workers, trusted_proxies)


def _serve(host: str, port: int, workers: int, trusted_proxies: Sequence[str]) -> None:
    uvicorn.run(
        "inscrit.asgi:application",
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=True,
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=10,
        backlog=4096,
    )
