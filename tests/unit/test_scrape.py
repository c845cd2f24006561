"""Who may read the metrics: who is inside, or has the token."""

import asyncio
from typing import Any

import pytest

from inscrit.monitoring import metrics, scrape, totals
from inscrit.monitoring.scrape import Scrape


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "exposition", lambda: b"inscrit_database_up 1.0\n")


def ask(token: str | None = None, method: str = "GET", **headers: str) -> tuple[int, str]:
    sent: list[Any] = []
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": scrape.PATH, "headers": named}

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read of a scrape's body")

    asyncio.run(Scrape(token)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


def test_whoever_is_inside_may_read_them_by_any_name_of_the_host() -> None:
    status, text = ask(host="10.0.1.7:8000")
    assert status == 200
    assert "inscrit_build_info" in text
    assert "inscrit_database_up 1.0" in text


@pytest.mark.parametrize("sign", ["x_forwarded_for", "forwarded", "x_real_ip"])
def test_they_are_not_shown_through_a_proxy(sign: str) -> None:
    status, text = ask(**{sign: "203.0.113.9"})
    assert status == 403
    assert "METRICS_TOKEN" in text


def test_with_a_token_only_whoever_has_it_may_read_them_from_anywhere() -> None:
    assert ask("secret")[0] == 401
    assert ask("secret", authorization="Bearer another")[0] == 401
    assert ask("secret", authorization="Bearer é")[0] == 401
    assert ask("secret", authorization="Bearer secret", x_forwarded_for="203.0.113.9")[0] == 200


def test_nothing_can_be_posted_there() -> None:
    assert ask(method="POST")[0] == 405


def test_what_a_dead_process_had_open_is_forgotten_and_what_it_counted_stays(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gauge_livesum_999999999.db", "counter_999999999.db"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert list(metrics._own_pids()) == []
    (tmp_path / "counter_999999999.db").unlink()
    metrics.exposition()
    assert not list(tmp_path.glob("gauge_live*"))
