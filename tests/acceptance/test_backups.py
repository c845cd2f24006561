"""An operator makes a backup, and puts it back; Stripe knows what was paid since."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from inscrit import direct
from inscrit.backups import BackupError, tools

from .conftest import OpenEvent
from .installation import Installation


def inscrit(
    settings: dict[str, str], *arguments: str, given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "inscrit", *arguments],
        env=settings,
        input=given,
        capture_output=True,
        timeout=120,
        check=False,
    )


def told(done: "subprocess.CompletedProcess[bytes]") -> str:
    said = (done.stdout + done.stderr).decode()
    assert "Traceback" not in said
    return said


@pytest.fixture
def elsewhere(installation: Installation) -> Iterator[dict[str, str]]:
    """The settings of the same installation over an empty database beside the real one."""
    address, name = installation.database.get_uri(), "put_back"
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = installation.database.get_uri(database=name)
        yield installation.environment | {"DATABASE_URL": url}
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def status(settings: dict[str, str], registration: dict[str, Any]) -> str | None:
    with psycopg.connect(settings["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT status FROM registrations_registration WHERE id = %s", [registration["id"]]
        ).fetchone()
    return row[0] if row else None


def test_what_was_paid_since_the_backup_comes_back_from_stripe(
    installation: Installation,
    open_event: OpenEvent,
    elsewhere: dict[str, str],
    tmp_path: Path,
) -> None:
    event = open_event()
    paid = installation.register(event["id"]).json()
    installation.pay(paid)
    installation.await_status(paid, "PAID")
    waiting = installation.register(event["id"]).json()
    file = tmp_path / "night.tar"
    assert "Backed up" in told(inscrit(installation.environment, "backup", str(file)))
    assert file.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.iterdir()] == ["night.tar"]

    installation.pay(waiting)
    installation.await_status(waiting, "PAID")

    done = inscrit(elsewhere, "restore", str(file))
    said = told(done)
    assert done.returncode == 0, said
    assert "No oversell" in said or "holds" in said
    assert "❌" not in said.split("Registrations made since")[0]
    assert waiting["id"] in said
    assert "inscrit reconcile --since" in said
    assert (status(elsewhere, paid), status(elsewhere, waiting)) == ("PAID", "PENDING")

    told(inscrit(elsewhere, "reconcile", "--since", "2h"))
    assert status(elsewhere, waiting) == "PAID"
    assert inscrit(elsewhere, "audit").returncode == 0


def test_a_backup_through_a_pipe_and_only_over_what_may_be_replaced(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    piped = inscrit(installation.environment, "backup", "-")
    assert piped.returncode == 0, piped.stderr
    manifest = about(piped.stdout)
    assert manifest["format"] == 1
    assert manifest["rows"]["events"] >= 0
    assert ["events", "0001_initial"] in manifest["migrations"]
    assert inscrit(elsewhere, "restore", "-", given=piped.stdout).returncode == 0
    refused = inscrit(elsewhere, "restore", "-", given=piped.stdout)
    assert refused.returncode == 1
    assert "not empty" in told(refused)

    mark(elsewhere)
    with psycopg.connect(elsewhere["DATABASE_URL"]):
        busy = inscrit(elsewhere, "restore", "--replace", "-", given=piped.stdout)
    assert busy.returncode == 1
    assert "1 other connections" in told(busy)
    again = inscrit(elsewhere, "restore", "--replace", "-", given=piped.stdout)
    assert again.returncode == 0, again.stderr
    assert not is_marked(elsewhere)


def about(backup: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(backup)) as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        found: dict[str, Any] = json.load(member)
    return found


def changed(backup: bytes, dump: bytes | None = None, **manifest: Any) -> bytes:
    """The same backup with something else in it."""
    made = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(backup)) as old,
        tarfile.open(fileobj=made, mode="w") as new,
    ):
        body = json.dumps(about(backup) | manifest).encode()
        member = old.extractfile("database.dump")
        assert member is not None
        for name, content in {
            "manifest.json": body,
            "database.dump": dump or member.read(),
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))
    return made.getvalue()


def mark(settings: dict[str, str]) -> None:
    with psycopg.connect(settings["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE was_here ()")


def is_marked(settings: dict[str, str]) -> bool:
    with psycopg.connect(settings["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT to_regclass('was_here') IS NOT NULL").fetchone()
    return row == (True,)


def test_a_backup_that_does_not_fit_leaves_everything_as_it_was(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    made = inscrit(installation.environment, "backup", "-")
    assert made.returncode == 0, made.stderr
    good = made.stdout
    mark(elsewhere)
    broken = b"PGDMP no dump at all"
    wrong = {
        "no backup": b"hello",
        "only a part": good[: len(good) // 2],
        "damaged": changed(good, dump=broken),
        "newer Inscrit": changed(good, migrations=[["events", "9999_later"]]),
        "PostgreSQL 99": changed(good, postgresql=99),
        "format 7": changed(good, format=7),
        "pg_restore failed": changed(good, dump=broken, sha256=hashlib.sha256(broken).hexdigest()),
    }
    for said, backup in wrong.items():
        done = inscrit(elsewhere, "restore", "--replace", "-", given=backup)
        assert done.returncode == 1, said
        assert said in told(done)
        assert is_marked(elsewhere), said


def test_a_backup_overwrites_nothing(installation: Installation, tmp_path: Path) -> None:
    there = tmp_path / "old.tar"
    there.write_text("precious")
    done = inscrit(installation.environment, "backup", str(there))
    assert "exists already" in told(done)
    assert there.read_text() == "precious"
    nowhere = inscrit(installation.environment, "backup", str(tmp_path / "no" / "x.tar"))
    assert "no folder" in told(nowhere)


def test_a_backup_that_nobody_can_take_says_so(installation: Installation) -> None:
    command = [sys.executable, "-m", "inscrit", "backup", "-"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, env=installation.environment, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"the output can't be written: No space left" in done.stderr


def test_no_tool_that_suits_is_told_with_what_to_install() -> None:
    with pytest.raises(BackupError, match="postgresql-client-99"):
        tools.find("pg_dump", 99)
    with pytest.raises(BackupError, match="no pg_nothing on this machine"):
        tools.find("pg_nothing", 15)


def test_the_password_stands_in_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"host": "db", "user": "u", "password": "s3cret", "dbname": "d", "sslmode": "require"}
    monkeypatch.setattr(direct, "parts", lambda: known)
    monkeypatch.setenv("PGSERVICE", "another")
    made = tools.environment()
    assert (made["PGPASSWORD"], made["PGHOST"], made["PGSSLMODE"]) == ("s3cret", "db", "require")
    assert "PGSERVICE" not in made
    asked: list[list[str]] = []

    def run(command: list[str], **_how: Any) -> "subprocess.CompletedProcess[str]":
        asked.append([str(word) for word in command])
        return subprocess.CompletedProcess(command, 0, "pg_dump (PostgreSQL) 18.1", "")

    monkeypatch.setattr(subprocess, "run", run)
    tools.run("pg_dump", 18, "--format=custom")
    assert "s3cret" not in repr(asked)
    assert os.environ.get("PGPASSWORD") is None
