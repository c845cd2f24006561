"""The web side under uvicorn."""

import os
import tempfile

import uvicorn

from inscrit import ports


def run(host: str, port: int, workers: int) -> None:
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
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=True,
        timeout_graceful_shutdown=10,
        backlog=4096,
    )
