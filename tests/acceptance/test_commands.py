"""The command line: help everywhere, and one clear line for a user's mistake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inscrit.cli import main

from .installation import Installation, folder_for_a_database


def inscrit(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "SECRET_KEY")}
    return subprocess.run(
        [sys.executable, "-m", "inscrit", *arguments],
        env=clean | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", [[], *([name] for name in main.commands if name != "manage")])
def test_every_command_has_help(command: list[str]) -> None:
    done = inscrit(*command, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


MISTAKES: dict[str, tuple[list[str], dict[str, str]]] = {
    "an unknown command": (["dance"], {}),
    "a port that is no number": (["serve", "--port", "http"], {}),
    "a database that is not PostgreSQL": (["migrate"], {"DATABASE_URL": "sqlite:///x"}),
    "a key that is no secret key": (["migrate"], {"STRIPE_SECRET_KEY": "pk_test_1"}),
    "a role that does not exist": (["apikey", "create", "x", "--role", "king"], {}),
    "a span of time that is none": (["reconcile", "--since", "soon"], {}),
    "a span of time that is too long": (["reconcile", "--since", "400d"], {}),
    "a public address for the sandbox": (["sandbox", "--host", "0.0.0.0", "--port", "12399"], {}),
    "a database that does not answer": (
        ["migrate"],
        {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "SECRET_KEY": "x"},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_a_clear_line_without_a_traceback(
    mistake: str, tmp_path: Path
) -> None:
    arguments, settings = MISTAKES[mistake]
    done = inscrit(*arguments, INSCRIT_DATA_DIR=str(tmp_path), **settings)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith("Error:")


def test_a_database_without_tables_is_told_in_a_clear_line() -> None:
    with folder_for_a_database() as folder:
        done = inscrit("apikey", "list", INSCRIT_DATA_DIR=str(folder))
    assert done.returncode != 0
    assert "inscrit migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_are_shown_once_and_can_be_revoked(installation: Installation) -> None:
    key = installation.command("apikey", "create", "counter", "--role", "readonly").strip()
    assert key.startswith("ik_")
    listed = installation.command("apikey", "list")
    assert "counter" in listed
    assert key not in listed
    headers = {"authorization": f"Bearer {key}"}
    events = f"{installation.site}/api/v1/stripe-events"
    assert installation.web.get(events, headers=headers).status_code == 200
    installation.command("apikey", "revoke", "counter")
    assert installation.web.get(events, headers=headers).status_code == 401


def test_a_replay_says_what_it_changed_or_why_not(installation: Installation) -> None:
    body = installation.event_payload("customer.created", {"id": "cus_1"}, "evt_replayed")
    assert installation.deliver(body).status_code == 200
    assert "ignored" in installation.command("replay", "evt_replayed", "--dry-run")
    missing = inscrit("replay", "evt_nowhere", **installation.environment)
    assert missing.returncode != 0
    assert "no event evt_nowhere" in missing.stderr
