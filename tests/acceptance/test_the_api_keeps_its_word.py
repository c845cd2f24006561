"""The real web side is called in every way that its schema allows, and in many that it forbids.

Schemathesis reads the schema and judges the answers: see schemathesis.toml and decision 76.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import publisher
from .installation import Installation, folder_for_a_database

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One of its own: what is left of it is fit for nothing else. Nobody carries anything out."""
    with folder_for_a_database() as folder:
        it = Installation(folder)
        try:
            it.start_all()
            it.stop("worker")
            yield it
        finally:
            it.stop_all()


@pytest.fixture(scope="module")
def known(installation: Installation) -> dict[str, str]:
    """Something of everything, by the names that the configuration asks for."""
    with installation.organiser("sets the table") as organiser:
        publish = publisher(organiser)
        event, full, cancelled = publish(capacity=None), publish(capacity=1), publish()
        installation.register(full["id"], 1)
        held, paid = (installation.register(event["id"]).json() for _ in range(2))
        installation.pay(paid)
        installation.await_status(paid, "PAID")
        endpoint = {"url": "https://erp.example.org/", "types": ["registration.paid"]}
        told = organiser.post("/api/v1/webhook-endpoints", json=endpoint).json()["id"]
        message = organiser.post(f"/api/v1/webhook-endpoints/{told}/test").json()
        stored = organiser.get("/api/v1/stripe-events").json()["items"][0]
    return {
        "EVENT": event["id"],
        "FULL_EVENT": full["id"],
        "CANCELLED_EVENT": cancelled["id"],
        "REGISTRATION": held["id"],
        "PAID_REGISTRATION": paid["id"],
        "ENDPOINT": told,
        "MESSAGE": message["message_id"],
        "STRIPE_EVENT": stored["id"],
    }


@pytest.mark.parametrize("phase", ["coverage", "fuzzing"])
@pytest.mark.parametrize("role", ["organiser", None])
def test_every_answer_is_as_the_schema_says(
    installation: Installation, known: dict[str, str], role: str | None, phase: str
) -> None:
    said = CONFIGURATION.read_text(encoding="utf-8")
    if role is not None:
        # One each: none runs into its limit of calls.
        made = installation.command("apikey", "create", f"{phase} as {role}", "--role", role)
        known |= {"AUTHORIZATION": f"Bearer {made.strip()}"}
        said = f'headers = {{ Authorization = "${{AUTHORIZATION}}" }}\n{said}'
    configuration = installation.folder / f"{phase} as {role}.toml"
    configuration.write_text(said, encoding="utf-8")
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(configuration)),
            *("run", "--no-color", "--phases", phase),
            f"{installation.site}/api/openapi.json",
        ],
        env=os.environ | known,
        capture_output=True,
        text=True,
        check=False,
        cwd=installation.folder,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "Tested: 29" in asked.stdout
