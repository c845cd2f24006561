"""Starting, stopping, and what is still there afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from inscrit.sandbox.listeners import PROTOCOL
from inscrit.sandbox.server import SandboxConfig, SandboxError, run
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.timers import ACTIONS

from .conftest import Sandbox, Shop, configuration, running

PROGRAM = """
import sys
from pathlib import Path
from inscrit.sandbox.server import SandboxConfig, run
run(SandboxConfig(port=int(sys.argv[1]), data_dir=Path(sys.argv[2]), rate_limits=False))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def start(port: int, folder: Path) -> tuple[subprocess.Popen[bytes], Sandbox]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port), str(folder)])
    sandbox = Sandbox(f"http://127.0.0.1:{port}", SandboxConfig(port=port))
    for _ in range(200):
        try:
            httpx.get(f"{sandbox.origin}/sandbox/state")
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return process, sandbox
    raise AssertionError("the sandbox did not start")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_answered_is_still_there_after_a_restart(tmp_path: Path, number: int) -> None:
    port = free_port()
    process, sandbox = start(port, tmp_path)
    session = sandbox.session(metadata={"registrationId": "reg-1"})
    sandbox.pay(session)
    sandbox.control("POST", "/clock", advance=60)
    sandbox.control("POST", "/faults", kind="drop")
    os.kill(process.pid, number)
    code = process.wait(timeout=10)
    assert code == (-number if number == signal.SIGKILL else 0)
    process, sandbox = start(port, tmp_path)
    try:
        again = sandbox.stripe.v1.checkout.sessions.retrieve(session.id)
        assert (again.payment_status, again.metadata["registrationId"]) == ("paid", "reg-1")
        state = sandbox.control("GET", "/state")
        assert state["offset"] == 60
        assert [fault["kind"] for fault in state["faults"]] == ["drop"]
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_deliveries_go_on_after_a_restart(tmp_path: Path, shop: Shop) -> None:
    config = configuration(data_dir=tmp_path, webhook_url=shop.url, retry_delays=(0.5, 0.5))
    shop.answer_to = lambda _: 500
    with running(config) as sandbox:
        sandbox.stripe.v1.customers.create({"name": "Ada"})
        shop.wait_for("customer.created")
    shop.answer_to = lambda _: 200
    with running(config) as sandbox:
        shop.wait_for("customer.created", 2)
        assert len(sandbox.stripe.v1.webhook_endpoints.list().data) == 1


def test_it_does_not_listen_on_a_public_address_unless_told_to() -> None:
    with pytest.raises(SandboxError, match=r"public address 0\.0\.0\.0"):
        run(SandboxConfig(host="0.0.0.0", port=0))


def test_a_taken_port_is_said_clearly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"Port {port} on 127.0.0.1 is taken"):
            run(SandboxConfig(port=port))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"webhook_url": "foo"}, "'foo' is not a web address"),
        ({"webhook_secret": "foo"}, "must begin with whsec_"),
        ({"data_dir": Path("/dev/null/sandbox")}, "cannot keep its state in /dev/null/sandbox"),
    ],
)
def test_a_wrong_setting_is_said_before_it_starts(
    wrong: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SandboxError, match=said):
        run(SandboxConfig(port=0, **wrong))
    assert "sandbox ready" not in capsys.readouterr().out


def test_a_file_that_is_no_database_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite3").write_text("This is a letter, not a database. " * 50)
    with pytest.raises(SandboxError, match=r"cannot use .*sandbox\.sqlite3"):
        run(SandboxConfig(port=0, data_dir=tmp_path))


def test_one_data_directory_serves_one_sandbox(tmp_path: Path) -> None:
    config = configuration(data_dir=tmp_path)
    with running(config), pytest.raises(SandboxError, match="Another sandbox is using"):
        run(SandboxConfig(port=0, data_dir=tmp_path))
    with running(config) as again:
        assert again.control("GET", "/state")["offset"] == 0


def test_the_secret_is_not_shown_with_the_configuration() -> None:
    assert "whsec_x" not in repr(SandboxConfig(webhook_secret="whsec_x"))


def test_it_needs_nothing_of_the_application_around_it() -> None:
    code = "import sys, inscrit.sandbox.server; print(list(sys.modules))"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    modules: list[str] = json.loads(listed.replace("'", '"'))
    others = {
        name
        for name in modules
        if name.startswith("inscrit.") and not name.startswith("inscrit.sandbox")
    }
    assert others == set()
    assert not {"django", "stripe"} & set(modules)


def test_a_form_from_another_site_is_not_obeyed(quiet_sandbox: Sandbox) -> None:
    headers: dict[str, Any] = {"Sec-Fetch-Site": "cross-site"}
    with quiet_sandbox.http as http:
        answer = http.post("/sandbox/clock", data={"advance": "60"}, headers=headers)
    assert answer.status_code == 403


def test_a_website_whose_name_leads_here_is_not_answered(quiet_sandbox: Sandbox) -> None:
    with quiet_sandbox.http as http:
        assert http.get("/sandbox/state", headers={"Host": "evil.example"}).status_code == 400
        assert http.get("/sandbox/state", headers={"Host": "localhost:12111"}).status_code == 200
        assert http.get("/sandbox/state", headers={"Host": "[::1]:12111"}).status_code == 200


def test_a_public_sandbox_answers_to_any_name() -> None:
    with running(configuration(allow_public=True)) as sandbox, sandbox.http as http:
        answer = http.get("/sandbox/state", headers={"Host": "sandbox.example"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_buyers_form_from_another_site_is_refused(
    quiet_sandbox: Sandbox, headers: dict[str, str]
) -> None:
    session = quiet_sandbox.session()
    with quiet_sandbox.http as http:
        assert http.post(session.url, data={}, headers=headers).status_code == 403
        assert http.post("/c/challenge/pi_1", data={}, headers=headers).status_code == 403
        own = {"Origin": quiet_sandbox.origin, "Sec-Fetch-Site": "same-origin"}
        assert http.post(session.url, data={}, headers=own).status_code == 422


def subscribe(sandbox: Sandbox, **headers: str) -> ClientConnection:
    address = sandbox.origin.replace("http", "ws", 1) + "/subscribe"
    return connect(address, additional_headers=headers, subprotocols=[Subprotocol(PROTOCOL)])


def websocket_id(sandbox: Sandbox) -> str:
    with sandbox.http as http:
        made = http.post("/v1/stripecli/sessions", data={"device_name": "test"})
    return str(made.json()["websocket_id"])


def test_only_a_cli_that_was_let_in_may_listen(quiet_sandbox: Sandbox) -> None:
    mine = websocket_id(quiet_sandbox)
    for headers in ({}, {"Websocket-Id": "cliws_made_up"}, {"Websocket-Id": mine, "Origin": "x"}):
        with pytest.raises(InvalidStatus, match="401"):
            subscribe(quiet_sandbox, **headers)
    with subscribe(quiet_sandbox, **{"Websocket-Id": mine}) as socket:
        assert socket.state.name == "OPEN"


def test_a_malformed_frame_is_dropped(quiet_sandbox: Sandbox) -> None:
    with subscribe(quiet_sandbox, **{"Websocket-Id": websocket_id(quiet_sandbox)}) as socket:
        socket.send("{not json")
        socket.send('{"type": 7}')
        quiet_sandbox.stripe.v1.customers.create({"name": "Ada"})
        assert "customer.created" in str(socket.recv(timeout=5))


def test_something_due_that_fails_does_not_hold_up_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    sim = Simulator(SandboxConfig())
    monkeypatch.setitem(ACTIONS, "note", lambda _, subject: done.append(subject))
    monkeypatch.setitem(ACTIONS, "fail", lambda sim, subject: sim.need("customer", subject))
    sim.timers.start("fail", "cus_none", sim.clock.now() + 1)
    sim.timers.start("note", "later", sim.clock.now() + 2)
    sim.advance(10)
    assert done == ["later"]
    assert not sim.timers.any_due()


def test_people_are_told_on_every_page_that_all_is_simulated(quiet_sandbox: Sandbox) -> None:
    quiet_sandbox.stripe.v1.customers.create({"name": "Ada"})
    [event] = quiet_sandbox.stripe.v1.events.list({"limit": 1}).data
    with quiet_sandbox.http as http:
        shown = http.get(f"/dashboard/events/{event.id}")
        assert shown.status_code == 200
        assert "Simulated" in shown.text
        assert event.id in shown.text
        for path in ("/dashboard/events/evt_none", "/nowhere", "/c/nowhere"):
            answer = http.get(path)
            assert answer.status_code == 404
            assert "Simulated" in answer.text
        assert "Simulated" not in http.get("/sandbox/nowhere").text
