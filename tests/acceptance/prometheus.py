"""A real Prometheus, with the configuration and the rules that Inscrit comes with."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from inscrit import ports

from .installation import eventually

DEPLOY = Path(__file__).parents[2] / "deploy"
TOKEN = "what-prometheus-shows"
TOKEN_FILE = "/run/secrets/metrics_token"
FOUND_BY_NAME = """\
    dns_sd_configs:
      - names: [tasks.web]
        type: A
        port: 8000
        refresh_interval: 10s
"""


def program(name: str) -> str:
    """Where it is installed; without it the test is skipped, and says so."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed, nothing was asked of it (apt: prometheus)")
    return found


def configuration(target: str, token: Path) -> str:
    """Ours, for one web side at a known address that is asked every half second."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    assert FOUND_BY_NAME in text
    assert TOKEN_FILE in text
    known = f'    static_configs: [{{targets: ["{target}"]}}]\n'
    rules = DEPLOY / "prometheus" / "rules.yml"
    return (
        text.replace(FOUND_BY_NAME, known)
        .replace(TOKEN_FILE, str(token))
        .replace("_interval: 15s", "_interval: 500ms")
        .replace("- rules.yml", f"- {rules}")
    )


class Prometheus:
    """Its HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/"""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def ready(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Every series that it yields now, with its value."""
        answer = self._client.get("/api/v1/query", params={"query": expression})
        assert answer.is_success, f"{expression}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        groups = self._client.get("/api/v1/rules").raise_for_status().json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def close(self) -> None:
        self._client.close()


@contextmanager
def running(folder: Path, target: str) -> Iterator[Prometheus]:
    """It shows ``TOKEN`` to the target."""
    config, token = folder / "prometheus.yml", folder / "metrics_token"
    token.write_text(f"{TOKEN}\n", encoding="utf-8")  # as echo leaves it
    config.write_text(configuration(target, token), encoding="utf-8")
    port = ports.free()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'metrics'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    it = Prometheus(port)
    try:
        eventually(it.ready, "Prometheus answers")
        yield it
    finally:
        it.close()
        process.terminate()
        process.wait(20)
