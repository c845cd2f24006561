"""A mail server that takes connections and never greets: the worker's other jobs go on."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .conftest import OpenEvent
from .installation import Installation, eventually

MAILS = 12
# A mail waits for 20 seconds; what has a slot of its own is done long before.
AT_ONCE = 12
SWEEPS = {
    "money": "inscrit.payments.tasks.sweep_lapsed_holds",
    "upkeep": "inscrit.watchdog.tasks.retry_stalled_jobs",
}


@contextmanager
def silent_server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield listening.getsockname()[1]


@contextmanager
def worker(installation: Installation, *arguments: str, port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "inscrit", "worker", *arguments],
        env=installation.environment | {"EMAIL_URL": f"smtp://127.0.0.1:{port}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        process.terminate()
        assert process.wait(40) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def without_worker(installation: Installation) -> Iterator[None]:
    installation.stop("worker")
    yield
    installation.start_again("worker")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_silent_mail_server_holds_up_mails_only(
    installation: Installation, open_event: OpenEvent, without_worker: None, concurrency: int
) -> None:
    event = open_event(price=0, capacity=2 * MAILS)
    for _ in range(MAILS):
        assert installation.register(event["id"]).status_code == 201

    def number(condition: str) -> int:
        ((found,),) = installation.query(f"SELECT count(*) FROM procrastinate_jobs {condition}")
        return int(found)

    assert number("WHERE task_name = 'inscrit.mail.tasks.deliver'") >= MAILS
    with (
        silent_server() as port,
        worker(installation, "--concurrency", str(concurrency), port=port),
    ):
        hanging = "WHERE queue_name = 'mail' AND status = 'doing'"
        eventually(lambda: number(hanging), "a mail is being sent")
        time.sleep(1)  # the others have taken what they can get
        began = time.monotonic()
        for queue, task in SWEEPS.items():
            installation.query(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
                " VALUES (%s, %s, '{\"timestamp\": 7}')",
                queue,
                task,
            )
        eventually(lambda: not number("WHERE args->>'timestamp' = '7'"), "the sweeps are done")
        assert time.monotonic() - began < AT_ONCE
        assert number("WHERE queue_name = 'mail'")
