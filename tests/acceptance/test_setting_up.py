"""An operator sets Inscrit up: the doctor, the webhook endpoint at Stripe, the canary."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inscrit import ports

from .installation import SECRET, STRIPE_KEY, Installation, eventually, inscrit

STRONG = "0f9d8s7f6g5h4j3k2l1qwertyuiopzxcvbnm"


def examined(settings: dict[str, str], *more: str) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and the findings by their names."""
    done = inscrit(settings, "doctor", "--json", *more)
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is (done.returncode == 0)
    return done.returncode, {one["name"]: one for one in told["findings"]}


def test_a_good_set_up_is_in_order_and_a_canary_sings(installation: Installation) -> None:
    more = {"SECRET_KEY": STRONG, "ORGANISER_EMAIL": "desk@example.org"}
    here = installation.environment | more
    code, found = examined(here, "--canary", "--language", "en")
    wrong = [one for one in found.values() if one["state"] == "error"]
    assert not wrong, wrong
    assert code == 0
    assert found["worker"]["state"] == found["ping"]["state"] == "ok"
    assert found["canary"]["state"] == "ok", found["canary"]
    public = installation.web.get("/api/v1/events").json()["items"]
    assert "Canary" not in {event["title"] for event in public}
    assert "Canary" not in installation.web.get("/").text
    installation.command("audit")


def test_the_doctor_names_a_wrong_secret_and_never_shows_one(installation: Installation) -> None:
    wrong = {"SECRET_KEY": STRONG, "STRIPE_WEBHOOK_SECRET": "whsec_of_somewhere_else"}
    done = inscrit(installation.environment | wrong, "doctor", "--language", "en")
    assert done.returncode == 1
    assert "another webhook secret" in done.stdout
    for secret in (*wrong.values(), STRIPE_KEY, SECRET):
        assert secret not in done.stdout + done.stderr


def test_settings_that_nothing_starts_with_are_told_in_both_languages(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE", "STRIPE"))}
    wrong = {"STRIPE_SECRET_KEY": "whsec_0123456789abcdefghijkl", "INSCRIT_DATA_DIR": str(tmp_path)}
    code, found = examined(clean | wrong, "--language", "en")
    assert code == 1
    assert "wrong place" in found["stripe_key_form"]["what"]
    _code, found = examined(clean | wrong, "--language", "fr")
    assert "pas au bon endroit" in found["stripe_key_form"]["what"]
    _code, found = examined(clean | wrong | {"LANGUAGE_CODE": "en"})
    assert "wrong place" in found["stripe_key_form"]["what"]


def test_a_database_that_does_not_answer_is_a_finding(tmp_path: Path) -> None:
    away = os.environ | {
        "DATABASE_URL": f"postgresql://u:s3cret@127.0.0.1:{ports.free()}/x",
        "SECRET_KEY": STRONG,
        "INSCRIT_DATA_DIR": str(tmp_path),
        "STRIPE_API_BASE": "http://127.0.0.1:1",
    }
    code, found = examined(away)
    assert code == 1
    assert found["database"]["state"] == "error"
    assert "s3cret" not in json.dumps(found)


# The endpoint at Stripe


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings for a Stripe account without any endpoint."""
    port = ports.free()
    origin = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "inscrit", "sandbox", "--port", str(port)],
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: _answers(origin), "the sandbox answers")
    yield {
        **os.environ,
        "STRIPE_API_BASE": origin,
        "STRIPE_SECRET_KEY": STRIPE_KEY,
        "INSCRIT_DATA_DIR": str(tmp_path),
    }
    process.terminate()
    process.wait(20)


def _answers(origin: str) -> bool:
    try:
        return httpx.get(origin).status_code < 500
    except httpx.TransportError:
        return False


def endpoints(stripe: dict[str, str]) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {STRIPE_KEY}"}
    answer = httpx.get(f"{stripe['STRIPE_API_BASE']}/v1/webhook_endpoints", headers=headers)
    found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
    return found


def change(stripe: dict[str, str], endpoint: str, **form: str) -> None:
    headers = {"authorization": f"Bearer {STRIPE_KEY}"}
    url = f"{stripe['STRIPE_API_BASE']}/v1/webhook_endpoints/{endpoint}"
    httpx.post(url, data=form, headers=headers).raise_for_status()


SET_UP = ("stripe", "setup", "--url", "https://example.org")


def test_the_endpoint_is_made_once_and_its_secret_is_all_that_is_printed(
    stripe: dict[str, str],
) -> None:
    rehearsed = inscrit(stripe, *SET_UP, "--dry-run")
    assert "would create" in rehearsed.stderr
    assert endpoints(stripe) == []
    done = inscrit(stripe, *SET_UP)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("whsec_")
    assert len(done.stdout.split()) == 1
    (made,) = endpoints(stripe)
    assert made["url"] == "https://example.org/stripe/webhooks"
    assert "refund.failed" in made["enabled_events"]
    again = inscrit(stripe, *SET_UP)
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to do" in again.stderr


def test_a_second_run_repairs_what_differs_and_says_so(stripe: dict[str, str]) -> None:
    inscrit(stripe, *SET_UP)
    (made,) = endpoints(stripe)
    wrong = {"enabled_events[0]": "refund.failed", "enabled_events[1]": "customer.created"}
    change(stripe, made["id"], disabled="true", **wrong)
    done = inscrit(stripe, *SET_UP)
    assert "enable: " + made["id"] in done.stderr
    assert "adds checkout.session.completed" in done.stderr
    assert "takes out customer.created" in done.stderr
    assert endpoints(stripe) == [made]


DOCKER = """#!/bin/sh
echo "$@" >> "$0.asked"
case "$1 $2" in
  "info "*) echo active ;;
  "secret inspect") exit ${INSPECT:-1} ;;
  "secret create") cat > "$0.secret"; exit ${CREATE:-0} ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, stripe: dict[str, str]) -> Path:
    """A docker command that writes down what it was asked."""
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    command.write_text(DOCKER)
    command.chmod(0o755)
    stripe["PATH"] = f"{command.parent}:{stripe['PATH']}"
    return command


def test_the_secret_goes_into_docker_and_nowhere_else(stripe: dict[str, str], docker: Path) -> None:
    done = inscrit(stripe, *SET_UP, "--docker-secret")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    secret = Path(f"{docker}.secret").read_text()
    assert secret.startswith("whsec_")
    asked = Path(f"{docker}.asked").read_text()
    assert "secret create stripe_webhook_secret -" in asked
    assert secret not in asked + done.stderr
    assert "STRIPE_WEBHOOK_SECRET_NAME=stripe_webhook_secret into" in done.stderr


def test_a_docker_secret_that_exists_stops_it_before_anything_is_made(
    stripe: dict[str, str], docker: Path
) -> None:
    done = inscrit(stripe | {"INSPECT": "0"}, *SET_UP, "--docker-secret")
    assert done.returncode == 1
    assert "--docker-secret stripe_webhook_secret_2" in done.stderr
    assert endpoints(stripe) == []


def test_a_secret_that_docker_does_not_take_is_not_lost(
    stripe: dict[str, str], docker: Path
) -> None:
    done = inscrit(stripe | {"CREATE": "3"}, *SET_UP, "--docker-secret", "another")
    assert done.returncode == 1
    assert done.stdout.startswith("whsec_")


def test_mistakes_are_told_in_a_line(stripe: dict[str, str]) -> None:
    for url, said in {"example.org": "is no address", "https://h/x": "/stripe/webhooks"}.items():
        done = inscrit(stripe, "stripe", "setup", "--url", url)
        assert done.returncode == 1
        assert said in done.stderr
    keyless = {k: v for k, v in stripe.items() if k != "STRIPE_SECRET_KEY"}
    assert "STRIPE_SECRET_KEY is not set" in inscrit(keyless, *SET_UP).stderr
    away = stripe | {"STRIPE_API_BASE": f"http://127.0.0.1:{ports.free()}"}
    assert "can't be reached" in inscrit(away, *SET_UP).stderr
