"""The official Stripe CLI against the sandbox, where npm can install it."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import Sandbox, Shop
from .test_webhooks import eventually, verifies

pytestmark = pytest.mark.cli

VERSION = "1.52.0"
KEY = "sk_test_1234567890ab"

# Outside the checkout, so that it is fetched once and never committed.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inscrit-stripe-cli"

TRIGGERS = {
    "charge.dispute.created": ["charge.succeeded", "charge.dispute.created"],
    "charge.refunded": ["charge.succeeded", "charge.refunded", "refund.created"],
    "checkout.session.async_payment_failed": [
        "checkout.session.completed",
        "checkout.session.async_payment_failed",
    ],
    "checkout.session.async_payment_succeeded": [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
    ],
    "checkout.session.completed": ["payment_intent.succeeded", "checkout.session.completed"],
    "checkout.session.expired": ["checkout.session.expired"],
    "payment_intent.payment_failed": ["charge.failed", "payment_intent.payment_failed"],
    "payment_intent.succeeded": ["charge.succeeded", "payment_intent.succeeded"],
}


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> "Cli":
    program = CACHE / VERSION / "node_modules" / ".bin" / "stripe"
    if not program.exists():
        install(program.parents[2])
    return Cli(program, tmp_path_factory.mktemp("stripe-cli"))


def install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so the official Stripe CLI was not tried")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", f"@stripe/cli@{VERSION}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        pytest.skip(f"npm could not install the official Stripe CLI (@stripe/cli@{VERSION}): {why}")


class Cli:
    def __init__(self, program: Path, home: Path) -> None:
        self.program = program
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        }

    def command(self, sandbox: Sandbox, *words: str) -> list[str]:
        return [str(self.program), *words, "--api-base", sandbox.origin, "--api-key", KEY]

    def run(self, sandbox: Sandbox, *words: str) -> str:
        done = subprocess.run(
            self.command(sandbox, *words),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, sandbox: Sandbox, *words: str) -> Any:
        return json.loads(self.run(sandbox, *words))

    @contextmanager
    def listening(self, sandbox: Sandbox, *words: str) -> Iterator[None]:
        process = subprocess.Popen(
            self.command(sandbox, "listen", *words),
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            eventually(lambda: sandbox.control("GET", "/state")["listeners"])
            yield
        finally:
            # What npm installs is a script that starts the binary: both have to end.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=10)


@pytest.mark.parametrize("kind", TRIGGERS)
def test_trigger(cli: Cli, sandbox: Sandbox, shop: Shop, kind: str) -> None:
    assert "Trigger succeeded!" in cli.run(sandbox, "trigger", kind)
    sandbox.control("POST", "/clock", advance=10)
    for expected in TRIGGERS[kind]:
        shop.wait_for(expected)


def test_a_trigger_can_carry_an_applications_own_metadata(
    cli: Cli, sandbox: Sandbox, shop: Shop
) -> None:
    own = "checkout_session:metadata.registration_id=42"
    cli.run(sandbox, "trigger", "checkout.session.completed", "--add", own)
    [completed] = shop.wait_for("checkout.session.completed")
    assert completed.object["metadata"] == {"registration_id": "42"}


def test_get_and_post(cli: Cli, sandbox: Sandbox) -> None:
    made = cli.json(sandbox, "post", "/v1/customers", "-d", "name=Ada", "-d", "metadata[a]=b")
    assert made["metadata"] == {"a": "b"}
    assert cli.json(sandbox, "get", f"/v1/customers/{made['id']}") == made


def test_resource_commands(cli: Cli, sandbox: Sandbox) -> None:
    session = sandbox.session()
    assert cli.json(sandbox, "checkout", "sessions", "retrieve", session.id)["id"] == session.id
    expired = cli.json(sandbox, "checkout", "sessions", "expire", session.id)
    assert expired["status"] == "expired"
    paid = sandbox.stripe.v1.payment_intents.create(
        {"amount": 900, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
    )
    refund = cli.json(sandbox, "refunds", "create", f"--payment-intent={paid.id}")
    assert refund["amount"] == 900


def test_webhook_endpoints_create_list_and_delete(cli: Cli, sandbox: Sandbox, shop: Shop) -> None:
    made = cli.json(
        sandbox,
        *("webhook_endpoints", "create", "--url", f"{shop.url}?cli"),
        *("--enabled-events", "charge.failed", "--enabled-events", "customer.created"),
    )
    assert made["enabled_events"] == ["charge.failed", "customer.created"]
    assert made["secret"].startswith("whsec_")
    listed = cli.json(sandbox, "webhook_endpoints", "list", "--limit", "3")
    assert made["id"] in [each["id"] for each in listed["data"]]
    cli.run(sandbox, "webhook_endpoints", "delete", made["id"], "--confirm")
    assert len(sandbox.stripe.v1.webhook_endpoints.list().data) == 1


def test_events_resend(cli: Cli, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    [heard] = shop.wait_for("customer.created")
    [mine] = sandbox.stripe.v1.webhook_endpoints.list().data
    event = heard.event["id"]
    cli.run(sandbox, "events", "resend", event, f"--webhook-endpoint={mine.id}")
    again = shop.wait_for("customer.created", 2)
    assert again[1].event["id"] == event


def test_listen_forwards_signed_events_over_its_websocket(
    cli: Cli, sandbox: Sandbox, shop: Shop
) -> None:
    [mine] = sandbox.stripe.v1.webhook_endpoints.list().data
    sandbox.stripe.v1.webhook_endpoints.delete(mine.id)
    secret = cli.run(sandbox, "listen", "--print-secret").strip()
    with cli.listening(sandbox, "--all-snapshot", "--forward-to", shop.url):
        sandbox.stripe.v1.customers.create({"name": "Ada"})
        [heard] = shop.wait_for("customer.created")
        assert verifies(heard, secret)
        cli.run(sandbox, "events", "resend", heard.event["id"])
        shop.wait_for("customer.created", 2)
        sandbox.pay(sandbox.session())
        shop.wait_for("checkout.session.completed")
        [delivery, *_] = eventually(
            lambda: sandbox.control("GET", f"/deliveries?event={heard.event['id']}")
        )
        assert (delivery["state"], delivery["attempts"][0]["status"]) == ("forwarded", 200)
