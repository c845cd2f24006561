"""The command line: help everywhere, and one clear line for a user's mistake."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from inscrit.cli import main

from .installation import Installation, folder_for_a_database, inscrit


def mistaken(*arguments: str, **settings: str) -> str:
    """What is said of a mistake; it ends with one line for a person."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "SECRET_KEY")}
    done = inscrit(clean | settings, *arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith("Error:")
    return done.stderr


def test_the_command_has_help() -> None:
    assert "Usage:" in inscrit(dict(os.environ), "--help").stdout


def commands(group: click.Group, *path: str) -> Iterator[list[str]]:
    """Each with the words that lead to it, but the framework's own, whose help is its own."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        elif name != "manage":
            yield [*path, name]


@pytest.mark.parametrize("command", list(commands(main)), ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.stdout


MISTAKES: dict[str, tuple[list[str], dict[str, str]]] = {
    "an unknown command": (["dance"], {}),
    "a port that is no number": (["serve", "--port", "http"], {}),
    "a database that is not PostgreSQL": (["migrate"], {"DATABASE_URL": "sqlite:///x"}),
    "a key that is no secret key": (["migrate"], {"STRIPE_SECRET_KEY": "pk_test_1"}),
    "a role that does not exist": (["apikey", "create", "x", "--role", "king"], {}),
    "a span of time that is none": (["reconcile", "--since", "soon"], {}),
    "a span of time that is too long": (["reconcile", "--since", "400d"], {}),
    "a folder for the demo that can't be": (["demo", "--data-dir", "/dev/null/demo"], {}),
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
    mistaken(*arguments, INSCRIT_DATA_DIR=str(tmp_path), **settings)


def test_a_database_without_tables_is_told_in_a_clear_line() -> None:
    with folder_for_a_database() as folder:
        assert "inscrit migrate" in mistaken("apikey", "list", INSCRIT_DATA_DIR=str(folder))


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
    missing = mistaken("replay", "evt_nowhere", **installation.environment)
    assert "no event evt_nowhere" in missing
