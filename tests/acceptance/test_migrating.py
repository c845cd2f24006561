"""Several processes that bring one database's schema up to date at once."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest

from inscrit.migrating import LOCK

from .installation import Installation, eventually, folder_for_a_database

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
REPLICAS = ("one", "two", "three")


@pytest.fixture
def it() -> Iterator[Installation]:
    """A database without tables, and nothing that runs."""
    with folder_for_a_database() as folder:
        it = Installation(folder, has_tables=False)
        try:
            yield it
        finally:
            it.stop_all()


def test_replicas_that_migrate_at_the_same_time_wait_for_each_other(it: Installation) -> None:
    with psycopg.connect(it.database.get_uri()) as first:
        assert first.execute(f"SELECT pg_try_advisory_lock({LOCK})").fetchone() == (True,)
        for one in REPLICAS:
            it.start(one, "migrate")
        for one in REPLICAS:
            eventually(lambda one=one: "Another process migrates" in it.said(one), "it waits")  # type: ignore[misc]
        assert it.query(TABLES) == [(0,)]
    said = [it.said(one) for one in REPLICAS if it.running.pop(one).wait(120) == 0]
    assert sum("Applying registrations.0001_initial" in text for text in said) == 1
    assert len(said) == len(REPLICAS)
    assert it.query(TABLES) > [(10,)]


def test_a_web_side_waits_for_a_database_that_starts_and_makes_its_tables(
    it: Installation,
) -> None:
    it.stop_database()
    it.start("web", "serve", "--migrate", "--port", str(it.site_port))
    eventually(lambda: "Waiting for the database" in it.said("web"), "it waits")
    it.start_database()
    eventually(lambda: is_ready(it), "it is ready")


def is_ready(it: Installation) -> bool:
    try:
        return it.web.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
