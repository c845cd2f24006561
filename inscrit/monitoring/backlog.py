"""What waits, who works, and how the database bears it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inscrit.sql import statements

from .families import gauge, rows

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper
    from prometheus_client import Metric

SQL = statements(Path(__file__).parent / "sql" / "backlog.sql")


def mails(cursor: "CursorWrapper") -> Iterator["Metric"]:
    found = rows(cursor, SQL["mails"])
    yield gauge(
        "inscrit_emails_waiting", "Mails that are not sent yet; failed ones won't be.", ["state"],
        ((state, number) for state, number, _age in found),
    )  # fmt: skip
    yield gauge(
        "inscrit_oldest_waiting_email_seconds", "How long the oldest mail has waited.", [],
        [(max(age for state, _number, age in found if state != "failed"),)],
    )  # fmt: skip


def jobs(cursor: "CursorWrapper") -> Iterator["Metric"]:
    found = rows(cursor, SQL["jobs"])
    yield gauge(
        "inscrit_jobs", "Jobs that are not done.", ["queue", "state"],
        ((queue, state, number) for queue, state, number, _age in found),
    )  # fmt: skip
    yield gauge(
        "inscrit_oldest_due_job_seconds", "How long the oldest job that is due has waited.",
        ["queue"],
        ((queue, age) for queue, state, _number, age in found if state == "due"),
    )  # fmt: skip


def workers(cursor: "CursorWrapper") -> Iterator["Metric"]:
    ((number, last),) = rows(cursor, SQL["workers"])
    yield gauge("inscrit_workers", "Workers that gave a sign of life lately.", [], [(number,)])
    if last is not None:
        yield gauge(
            "inscrit_worker_last_heartbeat_timestamp_seconds", "The last such sign.", [], [(last,)]
        )


def webhooks(cursor: "CursorWrapper") -> Iterator["Metric"]:
    ((last, silence),) = rows(cursor, SQL["webhooks"])
    yield gauge(
        "inscrit_last_webhook_timestamp_seconds",
        "When Stripe last delivered an event that was new; 0 for never.",
        [],
        [(last,)],
    )
    yield gauge(
        "inscrit_webhook_silence_seconds",
        "Age of the oldest Checkout session since which Stripe has delivered nothing; 0 if none.",
        [],
        [(silence,)],
    )


def database(cursor: "CursorWrapper") -> Iterator["Metric"]:
    ((size, limit),) = rows(cursor, SQL["database"])
    yield gauge("inscrit_database_size_bytes", "Size of the database.", [], [(size,)])
    yield gauge(
        "inscrit_database_connections_limit", "PostgreSQL's max_connections.", [], [(limit,)]
    )
    yield gauge(
        "inscrit_database_connections", "Connections to this database.", ["state"],
        rows(cursor, SQL["connections"]),
    )  # fmt: skip


READERS = (mails, jobs, workers, webhooks, database)
