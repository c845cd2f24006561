"""``inscrit demo``: one command, a first purchase, and nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from inscrit import ports

from .installation import eventually, folder_for_a_database

Start = Callable[..., "Demo"]


class Demo:
    """A running demo; ``said`` is everything it wrote so far."""

    def __init__(self, folder: Path, port: int, *options: str, by_setting: bool = False) -> None:
        """Its data is in ``folder``, named by the option or by the setting."""
        self.folder, self.port = folder, port
        self._output = folder.with_suffix(f".{port}.log")
        setting = {"INSCRIT_DATA_DIR": str(folder.parent)} if by_setting else {}
        option = () if by_setting else ("--data-dir", str(folder))
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "inscrit", "demo",
                    "--port", str(port), *option, *options,
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | setting,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def await_line(self, pattern: str) -> "re.Match[str]":
        def found() -> "re.Match[str] | None":
            assert self.process.poll() is None or re.search(pattern, self.said), self.said
            return re.search(pattern, self.said, re.MULTILINE)

        return eventually(found, f"{pattern}\n{self.said}")

    def parts(self) -> list[psutil.Process]:
        """Every process that belongs to this demo, wherever it hangs."""
        mine = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                inside = str(self.folder) in line or self._is_ours(process)
                if inside and process.status() != psutil.STATUS_ZOMBIE:
                    mine.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return mine

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.environ().get("INSCRIT_DATA_DIR") == str(self.folder)


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Demo] = []
    with folder_for_a_database() as folder:

        def begin(*options: str, port: int | None = None, by_setting: bool = False) -> Demo:
            demo = Demo(folder / "demo", port or ports.free(), *options, by_setting=by_setting)
            running.append(demo)
            return demo

        yield begin
        for demo in running:
            if demo.process.poll() is None:
                demo.process.terminate()
                demo.process.wait(40)
        for demo in running:
            eventually(lambda demo=demo: gone(demo), "the demo has ended")  # type: ignore[misc]


def wrong_on_the_set_up_page(demo: Demo) -> list[str]:
    """What an organiser reads there, once everything was checked."""
    account = re.search(r"(http\S+)/admin/\s+(\S+) / (\S+)", demo.said)
    assert account
    site, username, password = account.groups()
    with httpx.Client(base_url=site, follow_redirects=True, timeout=30) as organiser:

        def send(path: str, **said: str) -> str:
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', organiser.get(path).text)
            assert token
            page = organiser.post(path, data=said | {"csrfmiddlewaretoken": token[1]})
            assert page.status_code == 200, page.text
            return page.text

        send("/admin/login/?next=/admin/", username=username, password=password)
        page = send("/admin/doctor/setup/")
    findings = re.findall(r'class="finding (\w+)".*?<small class="code">(\w+)<', page, re.DOTALL)
    assert ("ok", "ping") in findings
    return [name for state, name in findings if state == "error"]


def gone(demo: Demo) -> bool:
    return not demo.parts()


def test_it_makes_a_first_purchase_and_ctrl_c_stops_everything(start: Start) -> None:
    demo = start()
    registration = demo.await_line(r"^✅ Payment confirmed for registration: (reg-\w+)")[1]
    demo.await_line(rf"{registration} is PAID")
    for line in (
        "🔔 Received Stripe event: checkout.session.completed",
        "✅ Checkout completed for session: cs_test_",
    ):
        demo.await_line(f"^{line}")
    table = demo.said.split("└")[0]
    mailbox = re.search(r"Mailbox\s+│ (http\S+)", table)
    assert mailbox
    eventually(
        lambda: registration in httpx.get(f"{mailbox[1]}/mails.json").text, "the mail has come"
    )
    for address in re.findall(r"http://\S+", table):
        assert httpx.get(address, follow_redirects=True).status_code == 200, address
    assert len(demo.parts()) > 4
    assert wrong_on_the_set_up_page(demo) == []

    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0
    eventually(lambda: gone(demo), "nothing is left")
    assert "Traceback" not in demo.said


def test_a_second_start_finds_its_data_again_and_fresh_forgets_it(start: Start) -> None:
    first = start()
    registration = first.await_line(r"(reg-\w+) is PAID")[1]
    password = re.search(r"organisateur / (\S+)", first.said)
    first.process.terminate()
    assert first.process.wait(40) == 0

    second = start("--no-autopilot")
    second.await_line("Ready after")
    assert password
    assert password[1] in second.said
    token_less = httpx.get(f"http://127.0.0.1:{second.port}/registrations/{registration}")
    assert token_less.status_code == 404
    assert "scripted buyer" not in second.said
    places = event(second.port)
    assert places["confirmed"] == 2
    second.process.terminate()
    assert second.process.wait(40) == 0

    third = start("--no-autopilot", "--fresh")
    third.await_line("Ready after")
    assert event(third.port)["confirmed"] == 0


def event(port: int) -> dict[str, int]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as web:
        items = web.get("/api/v1/events").json()["items"]
        (found,) = (item for item in items if item["slug"] == "stage-de-theatre")
        places: dict[str, int] = web.get(f"/api/v1/events/{found['id']}/places").json()
        return places


def test_a_taken_port_is_said_in_one_clear_line(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        demo = start(port=other.getsockname()[1])
        assert demo.process.wait(40) != 0
    (line,) = demo.said.strip().splitlines()
    assert line.startswith("Error:")
    assert "--port" in line
    assert gone(demo)


def test_a_second_demo_in_the_same_folder_is_refused(start: Start) -> None:
    first = start("--no-autopilot")
    first.await_line("Ready after")
    second = start("--no-autopilot", by_setting=True)
    assert second.process.wait(40) != 0
    assert "a demo is running in" in second.said


def test_nothing_is_left_running_when_a_part_falls(start: Start) -> None:
    demo = start("--no-autopilot")
    demo.await_line("Ready after")
    (worker,) = (p for p in demo.parts() if p.cmdline()[-1:] == ["worker"])
    worker.kill()
    assert demo.process.wait(40) == 1
    assert "Error: worker stopped by itself" in demo.said
    eventually(lambda: gone(demo), "nothing is left")


def test_nothing_is_left_running_when_the_demo_itself_is_killed(start: Start) -> None:
    demo = start("--no-autopilot")
    demo.await_line("Ready after")
    demo.process.kill()
    demo.process.wait(10)
    eventually(lambda: gone(demo), "nothing is left")
