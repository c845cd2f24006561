"""``inscrit demo``: everything at once, in one process group, stopped together."""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx

from inscrit import config, embedded, ports

from . import buyer

SANDBOX_PORT, MAILBOX_PORT = 12111, 8025
KEPT = ("postgresql", "sandbox", "mailbox", "secret_key", "webhook_secret", "password")
START_SECONDS = 60
STOP_SECONDS = 15
AUTOPILOT_EVENT = "stage-de-theatre"
# Never what a container's secrets name: the demo must touch nothing real.
NO_SECRETS = Path(os.devnull)


class NotStarted(Exception):
    """A part of the demo did not come up."""


@dataclass(frozen=True, slots=True)
class Addresses:
    site: str
    sandbox: str
    mailbox: str
    smtp_port: int

    @classmethod
    def choose(cls, port: int) -> "Addresses":
        """The site's port is the user's choice; the others give way if they are taken."""
        ports.require("127.0.0.1", port)
        return cls(
            site=f"http://localhost:{port}",
            sandbox=f"http://127.0.0.1:{_near(SANDBOX_PORT)}",
            mailbox=f"http://localhost:{_near(MAILBOX_PORT)}",
            smtp_port=ports.free(),
        )


def _near(wanted: int) -> int:
    try:
        ports.require("127.0.0.1", wanted)
    except ports.PortTaken:
        return ports.free()
    return wanted


def _port(address: str) -> str:
    return address.rsplit(":", 1)[1]


@dataclass(slots=True)
class Parts:
    """The running processes. Each ends by itself should this one die."""

    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, *arguments: str) -> None:
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", "inscrit.demo.tied", *arguments],
            stdin=subprocess.PIPE,
        )

    def fallen(self) -> str | None:
        """The name of a part that has ended by itself."""
        ended = (name for name, process in self.running.items() if process.poll() is not None)
        return next(ended, None)

    def stop(self) -> None:
        """The last begun ends first; whatever does not end in time is killed."""
        for process in reversed(self.running.values()):
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in reversed(self.running.values()):
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(port: int, data_dir: Path | None, *, fresh: bool, autopilot: bool) -> int:
    """Run the demo until Ctrl-C; the exit code. Raises PortTaken, SettingError."""
    began = time.monotonic()
    kept_in = data_dir or config.data_dir(config.Sources(os.environ, NO_SECRETS)) / "demo"
    folder = kept_in.expanduser().resolve()
    addresses = Addresses.choose(port)
    parts = Parts()
    signal.signal(signal.SIGTERM, lambda *_: parts.stopping.set())
    signal.signal(signal.SIGINT, lambda *_: parts.stopping.set())
    with _alone_in(folder):
        if fresh:
            _forget(folder)
        _configure(folder, addresses)
        with embedded.database(config.load(secrets_dir=NO_SECRETS)):
            try:
                password = _prepare(folder)
                _start(parts, folder, addresses)
                if parts.stopping.is_set():
                    return 0
                _show_table(addresses, password, folder, time.monotonic() - began)
                if autopilot:
                    _begin_purchase(addresses, began)
                return _wait(parts)
            except NotStarted as error:
                click.echo(f"Error: {error}", err=True)
                return 1
            finally:
                click.echo("Stopping…")
                parts.stop()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two demos in one folder would spoil each other's data."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        problem = f"{folder} can't be written ({error.strerror})"
        raise config.SettingError("--data-dir", problem, "Name a folder of your own.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise config.SettingError(
                "--data-dir", f"a demo is running in {folder}", "Stop it, or name another folder."
            ) from None
        yield


def _forget(folder: Path) -> None:
    """Only what a demo made: the folder may hold other things."""
    for name in KEPT:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _kept(path: Path, make: str) -> str:
    """A secret that a second start finds again."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(make)
    return path.read_text()


def _configure(folder: Path, addresses: Addresses) -> None:
    """The demo's own settings, whatever the environment says: it must touch nothing real."""
    for name in [name for name in os.environ if name.startswith(("STRIPE_", "DATABASE_URL"))]:
        del os.environ[name]
    for name in ("SECRET_KEY", "SECRET_KEY_FILE"):
        os.environ.pop(name, None)
    secret = _kept(folder / "webhook_secret", f"whsec_{secrets.token_hex(24)}")
    os.environ |= {
        "INSCRIT_DATA_DIR": str(folder),
        "PUBLIC_URL": addresses.site,
        "STRIPE_SECRET_KEY": "sk_test_demo",
        "STRIPE_WEBHOOK_SECRET": secret,
        "STRIPE_API_BASE": addresses.sandbox,
        "SANDBOX_WEBHOOK_SECRET": secret,
        "EMAIL_URL": f"smtp://127.0.0.1:{addresses.smtp_port}",
        "DEFAULT_FROM_EMAIL": "École Jules-Ferry <inscriptions@example.org>",
        "ORGANISER_EMAIL": "organisateur@example.org",
        "OUTGOING_PRIVATE_HOSTS": "localhost 127.0.0.1",
        "EMBED_ORIGINS": "*",
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
        "DJANGO_SETTINGS_MODULE": "inscrit.settings",
    }


def _prepare(folder: Path) -> str:
    """Schema, samples and the organiser's account; returns its password."""
    import django
    from django.core.management import call_command

    config.current.cache_clear()
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    from . import samples

    password = _kept(folder / "password", secrets.token_urlsafe(9))
    samples.plant(password)
    return password


def _start(parts: Parts, folder: Path, addresses: Addresses) -> None:
    mailbox, sandbox = _port(addresses.mailbox), _port(addresses.sandbox)
    parts.start("mailbox", "mailbox", str(folder / "mailbox"), str(addresses.smtp_port), mailbox)
    webhook = f"{addresses.site}/stripe/webhooks"
    parts.start(
        "sandbox", "sandbox", "--port", sandbox, "--webhook-url", webhook,
        "--data-dir", str(folder / "sandbox"),
    )  # fmt: skip
    parts.start("web", "serve", "--port", _port(addresses.site))
    parts.start("worker", "worker")
    for name, address in (
        ("mailbox", addresses.mailbox),
        ("sandbox", addresses.sandbox),
        ("web", f"{addresses.site}/readyz"),
    ):
        _await_answer(parts, name, address)


def _await_answer(parts: Parts, name: str, address: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and not parts.stopping.is_set():
        if fallen := parts.fallen():
            raise NotStarted(f"{fallen} ended while it was starting; its own words are above")
        try:
            if httpx.get(address, timeout=5).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    if not parts.stopping.is_set():
        raise NotStarted(f"{name} did not answer at {address} within {START_SECONDS} s")


def _show_table(addresses: Addresses, password: str, folder: Path, seconds: float) -> None:
    from .samples import ORGANISER

    rows = [
        ("Site", addresses.site),
        ("Admin", f"{addresses.site}/admin/   {ORGANISER} / {password}"),
        ("API", f"{addresses.site}/api/docs"),
        ("Mailbox", addresses.mailbox),
        ("Stripe sandbox", f"{addresses.sandbox}/"),
        ("Test card", "4242 4242 4242 4242, any date to come, any CVC"),
        ("Data", str(folder)),
    ]
    width = max(len(text) for _, text in rows)
    rule = f"├{'─' * 16}┼{'─' * (width + 2)}┤"
    click.echo(f"\n┌{'─' * 16}┬{'─' * (width + 2)}┐")
    click.echo(f"\n{rule}\n".join(f"│ {name:<14} │ {text:<{width}} │" for name, text in rows))
    click.echo(f"└{'─' * 16}┴{'─' * (width + 2)}┘")
    click.echo(f"Ready after {seconds:.1f} s. Ctrl-C stops everything.\n")


def _begin_purchase(addresses: Addresses, began: float) -> None:
    """In the background: the demo must stay answerable to Ctrl-C."""

    def purchase() -> None:
        click.echo("🤖 A scripted buyer registers two children and pays…")
        try:
            paid = buyer.buy(addresses.site, AUTOPILOT_EVENT)
        except (buyer.Disappointed, httpx.HTTPError) as error:
            click.echo(f"🤖 The purchase did not work: {error}", err=True)
            return
        seconds = time.monotonic() - began
        click.echo(f"🤖 {paid} is PAID, {seconds:.1f} s after the start. Now it is your turn.")

    threading.Thread(target=purchase, daemon=True).start()


def _wait(parts: Parts) -> int:
    while not parts.stopping.wait(0.3):
        if fallen := parts.fallen():
            click.echo(f"Error: {fallen} stopped by itself; everything is being stopped.", err=True)
            return 1
    return 0
