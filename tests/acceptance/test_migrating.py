"""Several processes that bring one database's schema up to date at once."""

import subprocess
import sys
from pathlib import Path

import httpx
import psycopg
import pytest

from inscrit import config, embedded
from inscrit.migrating import LOCK

from .installation import Installation, eventually, folder_for_a_database


def test_replicas_that_migrate_at_the_same_time_wait_for_each_other() -> None:
    with folder_for_a_database() as folder, embedded.database(empty(folder)) as url:
        with psycopg.connect(url) as first:
            assert first.execute(f"SELECT pg_try_advisory_lock({LOCK})").fetchone() == (True,)
            replicas = [migrating(url, folder) for _ in range(3)]
            with pytest.raises(subprocess.TimeoutExpired):
                replicas[0].wait(6)
            assert tables(url) == 0
        said = [replica.communicate(timeout=120)[0] for replica in replicas]
        assert [replica.returncode for replica in replicas] == [0, 0, 0], said
        assert sum("Applying registrations.0001_initial" in text for text in said) == 1
        assert tables(url) > 10


def test_a_web_side_waits_for_a_database_that_starts_and_makes_its_tables() -> None:
    with folder_for_a_database() as folder:
        it = Installation(folder)
        it.stop_database()
        try:
            it.start("web", "serve", "--migrate", "--port", str(it.site_port))
            eventually(lambda: "Waiting for the database" in it.said("web"), "it waits")
            it.start_database()
            eventually(lambda: is_ready(it), "it is ready")
        finally:
            it.stop_all()


def is_ready(it: Installation) -> bool:
    try:
        return it.web.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def empty(folder: Path) -> config.Config:
    return config.load({"INSCRIT_DATA_DIR": str(folder)}, folder)


def tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def migrating(url: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "inscrit", "migrate"],
        env={"DATABASE_URL": url, "SECRET_KEY": "x", "INSCRIT_DATA_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
