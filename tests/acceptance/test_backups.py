"""An operator makes a backup, and puts it back; Stripe knows what was paid since."""

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import psycopg
import pytest
from psycopg import sql

from inscrit import direct
from inscrit.backups import BackupError, tools
from inscrit.migrating import ASIDE

from .conftest import OpenEvent
from .installation import Installation, eventually


def inscrit(
    settings: dict[str, str], *arguments: str, given: bytes = b"", **how: Any
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "inscrit", *arguments],
        env=settings,
        input=given,
        capture_output=True,
        timeout=120,
        check=False,
        **how,
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
    assert manifest["format"] == 2
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
    assert "other connections: 1" in told(busy)
    again = inscrit(elsewhere, "restore", "--replace", "-", given=piped.stdout)
    assert again.returncode == 0, again.stderr
    assert not is_marked(elsewhere)


def contents(backup: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(backup)) as tar:
        return {one.name: cast("IO[bytes]", tar.extractfile(one)).read() for one in tar}


def about(backup: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(contents(backup)["manifest.json"])
    return found


def dump_of(backup: bytes) -> bytes:
    parts = contents(backup)
    return b"".join(parts[name] for name in parts if name.startswith("database.dump."))


def packed(manifest: dict[str, Any] | None, parts: list[bytes], seal: bytes | None) -> bytes:
    """A backup of these."""
    made = io.BytesIO()
    named = {f"database.dump.{number:06}": part for number, part in enumerate(parts)}
    described = None if manifest is None else json.dumps(manifest).encode()
    members = {"manifest.json": described, **named, "sha256": seal}
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in members.items():
            if content is not None:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


def sealed(dump: bytes) -> bytes:
    return hashlib.sha256(dump).hexdigest().encode()


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
    good, manifest, dump = made.stdout, about(made.stdout), dump_of(made.stdout)
    mark(elsewhere)
    broken = b"PGDMP no dump at all"
    middle = len(dump) // 2
    changed = dump[:middle] + bytes([dump[middle] ^ 1]) + dump[middle + 1 :]
    wrong = {
        "no backup": b"hello",
        "only a part of one": good[: len(good) // 2],
        "no sha256 at its end": packed(manifest, [dump], None),
        "contents are not those": packed(manifest, [dump], sealed(changed)),
        "damaged": packed(manifest, [changed[:middle], changed[middle:]], sealed(dump)),
        "newer Inscrit": packed(
            manifest | {"migrations": [["events", "9999_later"]]}, [dump], sealed(dump)
        ),
        "PostgreSQL 99": packed(manifest | {"postgresql": 99}, [dump], sealed(dump)),
        "format 7": packed(manifest | {"format": 7}, [dump], sealed(dump)),
        "pg_restore failed": packed(manifest, [broken], sealed(broken)),
        "it has no manifest.json": packed(None, [dump], sealed(dump)),
    }
    for said, backup in wrong.items():
        done = inscrit(elsewhere, "restore", "--replace", "-", given=backup)
        assert done.returncode == 1, said
        assert said in told(done)
        assert is_marked(elsewhere), said


def is_aside(settings: dict[str, str]) -> bool:
    with psycopg.connect(settings["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", [ASIDE]).fetchone()
    return row == (True,)


def test_after_a_restore_that_was_killed_everything_is_as_it_was(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    made = inscrit(installation.environment, "backup", "-").stdout
    assert inscrit(elsewhere, "migrate").returncode == 0
    mark(elsewhere)
    process = subprocess.Popen(
        [sys.executable, "-m", "inscrit", "restore", "--replace", "-"],
        env=elsewhere,
        stdin=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(made[: len(made) // 2])
    process.stdin.flush()
    eventually(lambda: is_aside(elsewhere), "what was there is set aside")
    process.kill()
    process.communicate()
    assert not is_marked(elsewhere)

    done = inscrit(elsewhere, "migrate")
    assert done.returncode == 0
    assert "A restore was not finished" in told(done)
    assert is_marked(elsewhere)
    assert not is_aside(elsewhere)
    assert inscrit(elsewhere, "restore", "--replace", "-", given=made).returncode == 0
    assert not is_marked(elsewhere)


def kill_while_it_migrates(settings: dict[str, str], backup: bytes, *options: str) -> None:
    """All of the backup is there by then, and yet it is nothing that counts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "inscrit", "restore", *options, "-"],
        env=settings,
        stdin=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(backup[: len(backup) // 2])
    process.stdin.flush()
    eventually(lambda: is_aside(settings), "what was there is set aside")
    with psycopg.connect(settings["DATABASE_URL"]) as database:
        process.stdin.write(backup[len(backup) // 2 :])
        process.stdin.close()
        eventually(lambda: is_locked(database), "the restored tables are there, and locked")
        process.kill()
        process.wait()
    assert is_aside(settings)


def test_after_a_restore_that_was_killed_while_it_migrates_everything_is_as_it_was(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    made = inscrit(installation.environment, "backup", "-").stdout
    assert inscrit(elsewhere, "migrate").returncode == 0
    mark(elsewhere)
    kill_while_it_migrates(elsewhere, made, "--replace")

    for command in ("serve", "worker"):
        refused = inscrit(elsewhere, command)
        assert refused.returncode == 1
        assert "To put back what was there before, run: inscrit migrate" in told(refused)
    done = inscrit(elsewhere, "migrate")
    assert "A restore was not finished" in told(done)
    assert is_marked(elsewhere)
    assert not is_aside(elsewhere)


def test_after_a_restore_into_an_empty_database_that_was_killed_it_is_as_good_as_empty(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    made = inscrit(installation.environment, "backup", "-").stdout
    kill_while_it_migrates(elsewhere, made)
    again = inscrit(elsewhere, "restore", "-", given=made)
    assert "A restore was not finished" in told(again)
    assert again.returncode == 0
    assert not is_aside(elsewhere)


def is_locked(database: "psycopg.Connection[Any]") -> bool:
    """Whether the backup's list of migrations is there, and nobody else can read it any more."""
    try:
        database.execute("LOCK TABLE public.django_migrations NOWAIT")
    except (psycopg.errors.UndefinedTable, psycopg.errors.LockNotAvailable):
        database.rollback()
        return False
    return True


def no_backup_to_go_on_with(settings: dict[str, str]) -> bytes:
    """Its tables are there and its list of migrations denies it: made in what ``settings`` name."""
    assert inscrit(settings, "migrate").returncode == 0
    with psycopg.connect(settings["DATABASE_URL"]) as database:  # as if it were an older one
        database.execute("DELETE FROM django_migrations WHERE app = 'checkin'")
    return inscrit(settings, "backup", "-").stdout


def test_a_backup_whose_tables_cannot_be_brought_up_to_date_leaves_everything_as_it_was(
    elsewhere: dict[str, str],
) -> None:
    older = no_backup_to_go_on_with(elsewhere)
    mark(elsewhere)
    done = inscrit(elsewhere, "restore", "--replace", "-", given=older)
    assert done.returncode == 1
    assert "could not be brought up to date" in told(done)
    assert is_marked(elsewhere)
    assert not is_aside(elsewhere)


def test_a_backup_whose_tables_cannot_be_brought_up_to_date_leaves_an_empty_database_empty(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    older = no_backup_to_go_on_with(elsewhere)
    with psycopg.connect(elsewhere["DATABASE_URL"]) as database:
        database.execute("DROP SCHEMA public CASCADE")
        database.execute("CREATE SCHEMA public")
    done = inscrit(elsewhere, "restore", "-", given=older)
    assert done.returncode == 1
    said = told(done)
    assert "could not be brought up to date" in said
    assert "What was there before is put back" in said
    assert not is_aside(elsewhere)
    good = inscrit(installation.environment, "backup", "-").stdout
    assert inscrit(elsewhere, "restore", "-", given=good).returncode == 0


def test_whoever_does_not_own_the_database_is_told_before_anything_is_done(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    made = inscrit(installation.environment, "backup", "-").stdout
    with psycopg.connect(elsewhere["DATABASE_URL"]) as database:
        database.execute("CREATE ROLE guest LOGIN")
        database.execute("GRANT ALL ON SCHEMA public TO guest")
    url = elsewhere["DATABASE_URL"].replace("//postgres", "//guest")
    done = inscrit(elsewhere | {"DATABASE_URL": url}, "restore", "-", given=made)
    assert done.returncode == 1
    assert "ALTER SCHEMA public OWNER TO" in told(done)
    assert inscrit(elsewhere, "restore", "-", given=made).returncode == 0


def test_a_damaged_backup_leaves_an_empty_database_empty(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    """Nothing is committed before the seal was seen, however much was sent to PostgreSQL."""
    made = inscrit(installation.environment, "backup", "-")
    dump = dump_of(made.stdout)
    parts = [dump[start : start + 1000] for start in range(0, len(dump), 1000)]
    wrong = packed(about(made.stdout), parts, sealed(b"something else"))
    assert inscrit(elsewhere, "restore", "-", given=wrong).returncode == 1
    right = packed(about(made.stdout), parts, sealed(dump))
    assert inscrit(elsewhere, "restore", "-", given=right).returncode == 0


def test_neither_way_needs_room_on_the_disk(
    installation: Installation, elsewhere: dict[str, str]
) -> None:
    """A container may write next to nothing."""
    tight: dict[str, Any] = {
        "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    }
    piped = inscrit(installation.environment, "backup", "-", **tight)
    assert piped.returncode == 0, piped.stderr
    assert len(piped.stdout) > 100_000
    back = inscrit(elsewhere, "restore", "-", given=piped.stdout, **tight)
    assert back.returncode == 0, back.stderr
    assert inscrit(elsewhere, "audit").returncode == 0


TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'
"""


def test_a_dump_that_breaks_off_is_no_backup(
    installation: Installation, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    """Neither does a file stand under its name, nor has what went through a pipe a seal."""
    assert inscrit(elsewhere, "migrate").returncode == 0
    for target in ("-", str(tmp_path / "night.tar")):
        with psycopg.connect(elsewhere["DATABASE_URL"]) as somebody:
            somebody.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
            backup = subprocess.Popen(
                [sys.executable, "-m", "inscrit", "backup", target],
                env=elsewhere, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            with psycopg.connect(elsewhere["DATABASE_URL"], autocommit=True) as server:
                eventually(lambda: server.execute(TERMINATE).fetchone(), "pg_dump waits")
            written, said = backup.communicate(timeout=60)
        assert backup.returncode == 1
        assert b"pg_dump failed: " in said
        assert b"Traceback" not in said
        assert b"sha256" not in written
    assert list(tmp_path.iterdir()) == []


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


TELLS_ALL = """#!/bin/sh
if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 98.1"; exit; fi
echo "$@"; echo "$PGPASSWORD $PGHOST $PGSSLMODE $PGSERVICE."
"""


def test_the_password_stands_in_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = {"host": "db", "user": "u", "password": "s3cret", "dbname": "d", "sslmode": "require"}
    monkeypatch.setattr(direct, "parts", lambda: known)
    monkeypatch.setenv("PGSERVICE", "another")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    tool = tmp_path / "pg_dump"
    tool.write_text(TELLS_ALL)
    tool.chmod(0o755)
    with tools.running("pg_dump", 98, "--format=custom") as output:
        arguments, environment = output.read().decode().splitlines()
    assert arguments == "--no-password --format=custom"
    assert environment == "s3cret db require ."
    assert os.environ.get("PGPASSWORD") is None
