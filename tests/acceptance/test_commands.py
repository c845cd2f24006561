"""The command line: help everywhere, and one clear line for a user's mistake."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner

from inscrit.cli import NOT_MIGRATED, _refusal, main

from .installation import Installation, folder_for_a_database, inscrit


def mistaken(*arguments: str, **settings: str) -> str:
    """What is said of a mistake; it ends with one line for a person."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "SECRET_KEY")}
    done = inscrit(clean | settings, *arguments)
    # Of a comparison 1 would say that something differs.
    assert done.returncode in ((2,) if arguments[0] == "reconcile" else (1, 2))
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
    "a format of the log that is none": (["sandbox"], {"LOG_FORMAT": "xml"}),
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


@pytest.fixture(scope="module")
def database() -> Iterator[Installation]:
    """The database alone, with its tables; nothing of Inscrit runs beside it."""
    with folder_for_a_database() as folder:
        it = Installation(folder)
        yield it
        it.stop_all()


KEY = ["apikey", "create", "counter", "--role", "readonly"]
ACCOUNT = ["createuser", "camille", "--password", "a long enough password"]


@pytest.fixture
def takes_no_writes(database: Installation) -> Iterator[Installation]:
    """As a standby does, after a failover that nobody told us of."""
    database.query("ALTER DATABASE postgres SET default_transaction_read_only = on")
    yield database
    database.query("BEGIN READ WRITE; ALTER DATABASE postgres RESET ALL; COMMIT")


@pytest.mark.parametrize("command", [KEY, ACCOUNT, ["reconcile"]], ids=" ".join)
def test_a_database_that_takes_no_writes_is_told_in_a_clear_line(
    takes_no_writes: Installation, command: list[str]
) -> None:
    said = mistaken(*command, **takes_no_writes.environment)
    assert "takes no writes" in said
    assert "DATABASE_URL" in said


def test_the_doctor_reports_on_a_database_that_takes_no_writes(
    takes_no_writes: Installation,
) -> None:
    """All of it: to send ourselves a ping leaves a row that could not be taken out again."""
    done = inscrit(takes_no_writes.environment, "doctor", "--json", "--language", "en")
    assert "Traceback" not in done.stderr
    report = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert report["database_writes"]["state"] == "error"
    assert "takes no writes" in report["database_writes"]["what"]
    assert report["ping"]["state"] == "skipped"
    assert {"migrations", "worker", "mail", "stripe", "certificate"} <= report.keys()


def test_what_is_locked_by_somebody_else_is_told_in_a_clear_line(database: Installation) -> None:
    with psycopg.connect(database.database.get_uri()) as held:
        held.execute("LOCK TABLE events_event")
        said = mistaken("audit", "--mend-counters", **database.environment)
    assert "somebody else has what this needs in hand" in said
    assert "pg_stat_activity" in said


# What an earlier version's database has not, for whoever starts the new one before migrating.
YOUNGER = {
    "audit": ("registrations_registration", "places"),
    "replay evt_1": ("webhooks_stripeevent", "deliveries"),
    "apikey list": ("api_apikey", "prefix"),
    "reconcile": ("payments_reconciliationrun", "cursors"),
}


@pytest.mark.parametrize("command", YOUNGER)
def test_a_database_without_the_newest_columns_is_told_in_a_clear_line(
    database: Installation, command: str
) -> None:
    table, column = YOUNGER[command]
    database.query(f"ALTER TABLE {table} RENAME COLUMN {column} TO not_yet")
    try:
        said = mistaken(*command.split(), **database.environment)
    finally:
        database.query(f"ALTER TABLE {table} RENAME COLUMN not_yet TO {column}")
    assert "inscrit migrate" in said


@pytest.fixture
def without_rights(database: Installation) -> Iterator[dict[str, str]]:
    """The environment of a role that may connect, and nothing else."""
    database.query("CREATE ROLE visitor LOGIN")
    address = database.database.get_uri().replace("//postgres:", "//visitor:", 1)
    yield database.environment | {"DATABASE_URL": address}
    database.query("DROP ROLE visitor")


@pytest.mark.parametrize("command", ["audit", "apikey list", "migrate", "backup -"])
def test_a_role_without_rights_is_told_in_a_clear_line(
    without_rights: dict[str, str], command: str
) -> None:
    said = mistaken(*command.split(), **without_rights)
    assert "permission denied" in said
    assert "OWNER TO" in said


@pytest.mark.parametrize("may", ["nothing", "read"])
def test_the_doctor_reports_on_a_role_without_rights(
    database: Installation, without_rights: dict[str, str], may: str
) -> None:
    if may == "read":
        database.query("GRANT SELECT ON ALL TABLES IN SCHEMA public TO visitor")
    done = inscrit(without_rights, "doctor", "--json", "--language", "en")
    database.query("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM visitor")
    assert "Traceback" not in done.stderr
    report = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert report["database"]["state"] == "ok"
    assert report["database_rights"]["state"] == "error"
    assert report["migrations"]["state"] == ("ok" if may == "read" else "skipped")
    assert {"worker", "mail", "stripe"} <= report.keys()


def test_a_first_migration_without_rights_is_told_in_a_clear_line(
    database: Installation, without_rights: dict[str, str]
) -> None:
    database.query("CREATE DATABASE empty")
    address = without_rights["DATABASE_URL"].replace("/postgres?", "/empty?")
    said = mistaken("migrate", **without_rights | {"DATABASE_URL": address})
    database.query("DROP DATABASE empty")
    assert "permission denied for schema public" in said


def test_a_missing_function_of_ours_is_a_missing_migration() -> None:
    ours = "function procrastinate_defer_jobs_v1(procrastinate_job_to_defer_v1[]) does not exist"
    for said, line in ((ours, NOT_MIGRATED), ("function sum_of(text) does not exist", None)):
        assert _refusal(psycopg.errors.UndefinedFunction(said)) == line


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
