"""Metrics that are read from the database, whichever process did what they count.

Every web process of every replica tells the same, so they are never to be summed up. The mails,
refunds and sweeps of the worker, which has no metrics address, are counted here too.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from django.db import Error, connection, transaction
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from inscrit import config
from inscrit.sql import statements

from . import backlog, takings
from .families import counter, gauge, rows

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper
    from prometheus_client import Metric

SQL = statements(Path(__file__).parent / "sql" / "totals.sql")
# Shorter than any interval of scraping: of two scrapes the later one never tells an older number.
SECONDS_KEPT = 5
PATIENCE = "SET LOCAL statement_timeout = {milliseconds}"
# For one statement; a reader has two at most. Prometheus waits ten seconds for all of it: after so
# many no other reader begins.
MOST_SECONDS, LONGEST_SECONDS = 4.0, 5.0
LATE = {
    "late_payment_reseated": "reseated",
    "late_payment_refunded": "refunded",
    "late_payment_review": "review",
}
# What a label may say, where the rooms that know are above this one: they add it as they start, so
# that a counter stands at 0 before it moves, and its first step is seen.
EMAIL_KINDS: list[str] = []
DIFFERENCES: list[str] = []
REFUND_REASONS: list[str] = []
REFUND_RESULTS = ("ordered", "succeeded", "failed")
log = structlog.get_logger()


class Totals(Collector):
    """Read at most every few seconds. Without a database there is a log line, and no samples."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._metrics: list[Metric] = []

    def collect(self) -> Iterable["Metric"]:
        with self._lock:
            if time.monotonic() - self._read_at > SECONDS_KEPT:
                self._metrics = self._read()
                self._read_at = time.monotonic()
            return self._metrics

    def forget(self) -> None:
        """Read anew at the next scrape."""
        self._read_at = float("-inf")

    def _read(self) -> list["Metric"]:
        """Each reader by itself: one that is slow keeps none of the others' numbers away."""
        until = time.monotonic() + LONGEST_SECONDS
        try:
            with _asked(until):
                pass  # it answers
        except (Error, TooLate) as error:
            log.warning("⚠️  Metrics without a database", error=type(error).__name__)
            return [_reachable(0)]
        found: list[Metric] = []
        unread = 0
        for read in READERS:
            try:
                with _asked(until) as cursor:
                    found += read(cursor)
            except (Error, TooLate) as error:
                unread += 1
                log.warning(
                    "⚠️  Metrics left out, the database did not tell them",
                    which=read.__name__.strip("_"),
                    error=type(error).__name__,
                )
        return [_reachable(1), _unread(unread), *found]


@contextmanager
def _asked(until: float) -> Iterator["CursorWrapper"]:
    """Raises TooLate."""
    with transaction.atomic(), connection.cursor() as cursor:
        left = min(MOST_SECONDS, until - time.monotonic())
        if left <= 0:
            raise TooLate
        cursor.execute(PATIENCE.format(milliseconds=round(1000 * left) or 1))
        yield cursor


class TooLate(Exception):
    """The time is used up: by a wait for a connection, or by other readers."""


def _reachable(number: int) -> "Metric":
    return gauge("inscrit_database_up", "Whether the database answers.", [], [(number,)])


def _unread(number: int) -> "Metric":
    about = "Groups of metrics that the database did not tell."
    return gauge("inscrit_metrics_unread", about, [], [(number,)])


def _journal(cursor: "CursorWrapper") -> Iterator["Metric"]:
    confirmations = Counter({"confirmed": 0, "failed": 0})
    late = Counter(dict.fromkeys(LATE.values(), 0))
    expired = 0
    for to_status, reason, stayed, number in rows(cursor, SQL["journal"]):
        if reason in LATE:
            late[LATE[reason]] += number
        elif stayed or to_status == "FAILED":
            confirmations["failed"] += number
        if not stayed and to_status == "PAID":
            confirmations["confirmed"] += number
        if not stayed and to_status == "EXPIRED":
            expired += number
    yield counter(
        "inscrit_payment_confirmations", "Payments confirmed, or failed to be.", "result",
        confirmations,
    )  # fmt: skip
    yield counter(
        "inscrit_late_payments", "Payments after the places were freed.", "resolution", late
    )
    yield CounterMetricFamily(
        "inscrit_checkout_sessions_expired", "Registrations that became EXPIRED.", expired
    )


def _refunds(cursor: "CursorWrapper") -> Iterator["Metric"]:
    family = CounterMetricFamily(
        "inscrit_refunds", "Refunds ordered, succeeded, failed.", labels=["reason", "result"]
    )
    counted = dict.fromkeys(product(REFUND_REASONS, REFUND_RESULTS), 0)
    counted |= {(reason, result): n for reason, result, n in rows(cursor, SQL["refunds"])}
    for labels, number in counted.items():
        family.add_metric(labels, number)
    yield family


def _emails(cursor: "CursorWrapper") -> Iterator["Metric"]:
    family = CounterMetricFamily(
        "inscrit_emails", "Mails handed to the mail server.", labels=["kind", "result"]
    )
    counted = dict.fromkeys(EMAIL_KINDS, (0, 0))
    counted |= {kind: (sent, failed) for kind, sent, failed in rows(cursor, SQL["emails"])}
    for kind, (sent, failed) in counted.items():
        family.add_metric([kind, "sent"], sent)
        family.add_metric([kind, "failed"], failed)
    yield family


def _unprocessed(cursor: "CursorWrapper") -> Iterator["Metric"]:
    ((number, age),) = rows(cursor, SQL["unprocessed"])
    yield GaugeMetricFamily(
        "inscrit_stripe_events_unprocessed", "Stripe events that wait to be applied.", number
    )
    yield GaugeMetricFamily(
        "inscrit_oldest_unprocessed_event_seconds", "How long the oldest of them has waited.", age
    )


def _audit(cursor: "CursorWrapper") -> Iterator["Metric"]:
    found = rows(cursor, SQL["audit"])
    breaches = GaugeMetricFamily(
        "inscrit_invariant_breaches", "Breaches the watchdog found.", labels=["invariant"]
    )
    for invariant, number, _at in found:
        breaches.add_metric([invariant], number)
    yield breaches
    for _invariant, _number, at in found[:1]:
        yield GaugeMetricFamily(
            "inscrit_last_audit_timestamp_seconds", "When the watchdog last looked.", at
        )


def _reconciliation(cursor: "CursorWrapper") -> Iterator["Metric"]:
    differences = dict.fromkeys(DIFFERENCES, 0) | dict(rows(cursor, SQL["reconciliation"]))
    yield counter(
        "inscrit_reconciliation_differences", "Differences between Stripe and the database.",
        "kind", differences,
    )  # fmt: skip
    ((at,),) = rows(cursor, SQL["reconciled"])
    if at is not None and config.current().stripe_secret_key is not None:
        yield GaugeMetricFamily(
            "inscrit_last_reconciliation_timestamp_seconds", "When the last comparison ended.", at
        )


READERS = (
    *(_journal, _refunds, _emails, _unprocessed, _audit, _reconciliation),
    *backlog.READERS,
    *takings.READERS,
)
totals = Totals()
_registry = CollectorRegistry(auto_describe=False)
_registry.register(totals)


def exposition() -> bytes:
    """These metrics in Prometheus's text format."""
    return generate_latest(_registry)
