"""``inscrit reconcile`` with the real processes, after the web side was down for a day."""

import json
from collections.abc import Iterator

import httpx
import pytest

from .conftest import OpenEvent
from .installation import STRIPE_KEY, Done, Installation, eventually, inscrit, installed, session_of

DAY = 86400


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One of this module's own: its clock is moved, and all of its Stripe is compared."""
    with installed() as it:
        yield it


@pytest.fixture(scope="module")
def organiser(installation: Installation) -> Iterator[httpx.Client]:
    with installation.organiser("acceptance") as client:
        yield client


def reconcile(it: Installation, *options: str) -> Done:
    return inscrit(it.environment, "reconcile", *options)


def test_after_a_day_without_the_web_side_one_run_brings_everything_right(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    paid, abandoned, debited = (installation.register(event["id"]).json() for _ in range(3))
    installation.stop("worker")
    installation.stop("web")
    control = installation.control
    control(f"/sessions/{session_of(paid)}/pay", card="4242424242424242")
    control(f"/sessions/{session_of(debited)}/pay", iban="AT321904300235473204")
    control("/clock", advance=DAY)

    dry = reconcile(installation, "--dry-run")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert "nothing was changed" in dry.stdout
    assert "It would be put right" in dry.stdout

    done = reconcile(installation)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for made, words in (
        (paid, "Stripe has a payment that was not recorded here"),
        (debited, "Stripe has a payment that was not recorded here"),
        (abandoned, "The Checkout session has ended at Stripe"),
    ):
        assert any(words in line for line in lines if f" {made['id']}: " in line), done.stdout
    assert "🔍 Reconciliation: 3 differences, 3 healed" in lines
    assert "parent@example.org" not in done.stdout + done.stderr

    again = reconcile(installation, "--json", "--since", "72h")
    assert again.returncode == 0
    told = json.loads(again.stdout)
    assert told["findings"] == []
    assert told["checked"]["sessions"] == 3

    installation.start_again("web")
    installation.start_again("worker")
    installation.await_answers()
    assert installation.registration(paid)["status"] == "PAID"
    assert installation.registration(debited)["status"] == "PAID"
    assert installation.registration(abandoned)["status"] == "EXPIRED"
    assert installation.places(event["id"])["remaining"] == 6
    # What Stripe delivers now is known already.
    control("/clock", advance=2 * 3600)
    eventually(
        lambda: "outcome=duplicate" in installation.said("web"), "Stripe delivers what it had to"
    )
    for made in (paid, debited, abandoned):
        assert len(installation.await_mails(made)) == 1
    exposed = installation.web.get("/metrics").text
    assert 'inscrit_reconciliation_differences_total{kind="payment_missed"} 2.0' in exposed


def test_what_needs_a_person_is_exit_code_1(installation: Installation) -> None:
    session = httpx.post(
        f"{installation.sandbox}/v1/checkout/sessions",
        data={
            "mode": "payment",
            "success_url": "https://example.org/",
            "metadata[registrationId]": "reg-2nobody",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "eur",
            "line_items[0][price_data][unit_amount]": "700",
            "line_items[0][price_data][product_data][name]": "Something",
        },
        headers={"authorization": f"Bearer {STRIPE_KEY}"},
    ).raise_for_status()
    installation.control(f"/sessions/{session.json()['id']}/pay")
    done = reconcile(installation)
    assert done.returncode == 1
    assert "reg-2nobody: Stripe has a payment for a registration that does not exist" in done.stdout
    assert "1 of them needs a person." in done.stdout


def test_without_stripe_it_says_so_in_one_line_and_exit_code_2(installation: Installation) -> None:
    installation.settings["STRIPE_API_BASE"] = "http://127.0.0.1:9"
    try:
        done = reconcile(installation, "--json")
    finally:
        del installation.settings["STRIPE_API_BASE"]
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line]
    assert line.startswith("Error: Stripe gave no answer")
