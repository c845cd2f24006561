"""Several replicas migrate at once, while visitors use the tables."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection

from inscrit import direct, migrating

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def another() -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(direct.address(), autocommit=True) as it:
        yield it


def test_whoever_comes_second_waits_and_then_migrates(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(migrating, "call_command", lambda *_a, **_n: called.append("migrated"))
    with another() as first:
        first.execute(f"SELECT pg_advisory_lock({migrating.LOCK})")
        asked: list[float] = []

        def wait(seconds: float) -> None:
            assert called == []
            asked.append(seconds)
            if len(asked) == 2:
                first.execute(f"SELECT pg_advisory_unlock({migrating.LOCK})")

        monkeypatch.setattr(time, "sleep", wait)
        migrating.migrate()
    assert called == ["migrated"]
    assert len(asked) == 2


def alter(*_a: Any, **_n: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event ADD COLUMN IF NOT EXISTS never int")
        cursor.execute("ALTER TABLE events_event DROP COLUMN never")


def test_a_table_that_is_in_use_is_waited_for_a_little_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", "20ms")
    monkeypatch.setattr(migrating, "call_command", alter)
    with another() as visitor:
        visitor.execute("BEGIN; SELECT 1 FROM events_event")

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                visitor.execute("COMMIT")

        monkeypatch.setattr(time, "sleep", pause)
        migrating.migrate()
    assert len(pauses) == 2


def test_outside_of_a_transaction_only_the_statement_that_waited_is_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stands before it in the migration is done already."""

    def two_steps(*_a: Any, **_n: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE first_step (a int)")
            cursor.execute("ALTER TABLE events_event ADD COLUMN never int")
            cursor.execute("CREATE INDEX CONCURRENTLY second_step ON first_step (a)")

    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", "20ms")
    monkeypatch.setattr(migrating, "call_command", two_steps)
    with another() as visitor:
        visitor.execute("BEGIN; SELECT 1 FROM events_event")
        monkeypatch.setattr(time, "sleep", lambda _seconds: visitor.execute("COMMIT"))
        migrating.migrate()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE first_step; ALTER TABLE events_event DROP COLUMN never")


def test_an_index_that_was_begun_and_killed_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def make_it(*_a: Any, **_n: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute('CREATE UNIQUE INDEX CONCURRENTLY "begun" ON begun_table (a)')

    monkeypatch.setattr(migrating, "call_command", make_it)
    with another() as one:
        one.execute("CREATE TABLE begun_table (a int)")
        one.execute("INSERT INTO begun_table VALUES (1), (1)")
        with pytest.raises(IntegrityError):
            migrating.migrate()
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'begun'::regclass"
        assert one.execute(valid).fetchone() == (False,)
        one.execute("DELETE FROM begun_table")
        migrating.migrate()
        assert one.execute(valid).fetchone() == (True,)
        one.execute("DROP TABLE begun_table")


def test_it_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", "10ms")
    monkeypatch.setattr(migrating, "ATTEMPTS", 2)
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(migrating, "call_command", alter)
    with another() as visitor:
        visitor.execute("BEGIN; SELECT 1 FROM events_event")
        with pytest.raises(OperationalError):
            migrating.migrate()
