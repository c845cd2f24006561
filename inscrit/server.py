"""The web side under uvicorn."""

import os
import tempfile
from collections.abc import Sequence

import uvicorn

from inscrit import ports
from inscrit.live.entrance import Connection

# Longer than proxies keep an idle connection (Traefik: 90 s), so that it is they who close it: a
# request that is sent while we close would be lost.
KEEP_ALIVE_SECONDS = 120


def run(host: str, port: int, workers: int, trusted_proxies: Sequence[str]) -> None:
    """Serve until told to stop. Raises PortTaken."""
    ports.require(host, port)
    if workers > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="inscrit-metrics-")
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
