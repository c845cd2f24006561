"""Registrations, places and money, in sum."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inscrit.sql import statements

from .families import counter, gauge, rows

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper
    from prometheus_client import Metric

SQL = statements(Path(__file__).parent / "sql" / "takings.sql")


def registrations(cursor: "CursorWrapper") -> Iterator["Metric"]:
    yield gauge(
        "inscrit_registrations", "Registrations by what they are now.", ["status"],
        rows(cursor, SQL["registrations"]),
    )  # fmt: skip


def money(cursor: "CursorWrapper") -> Iterator["Metric"]:
    found = rows(cursor, SQL["money"])
    yield counter(
        "inscrit_money_received", "Payments that succeeded, in the currency's smallest unit.",
        "currency", {currency: received for currency, received, _returned in found},
    )  # fmt: skip
    yield counter(
        "inscrit_money_returned", "What was given back of them, in the same unit.",
        "currency", {currency: returned for currency, _received, returned in found},
    )  # fmt: skip


def events(cursor: "CursorWrapper") -> Iterator["Metric"]:
    ((on_sale, stopped, confirmed, held, remaining),) = rows(cursor, SQL["events"])
    yield gauge("inscrit_events_on_sale", "Events whose sales are open.", [], [(on_sale,)])
    yield gauge(
        "inscrit_events_stopped", "Events whose sales the watchdog has stopped.", [], [(stopped,)]
    )
    yield gauge(
        "inscrit_places", "Places of published events that are not over.", ["state"],
        [("confirmed", confirmed), ("held", held), ("remaining", remaining)],
    )  # fmt: skip


READERS = (registrations, money, events)
