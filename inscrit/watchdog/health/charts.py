"""What happened in a period, read from the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inscrit.registrations.models import RegistrationStatus
from inscrit.sql import statements
from inscrit.webhooks.models import EventOutcome

from .chart import Chart, Series, spoken
from .period import Period

if TYPE_CHECKING:
    from django.utils.functional import Promise

SQL = statements(Path(__file__).parents[1] / "sql" / "health.sql")
OUTCOMES = {one.value: one.label for one in EventOutcome}
TURNS = {one.value: one.label for one in RegistrationStatus if one != RegistrationStatus.PENDING}
MAILS: dict[str, "Promise | str"] = {"sent": gettext_lazy("Sent")}


def charts(period: Period, now: datetime) -> list[Chart]:
    since = now - period.span
    times = period.times(since)
    return [
        Chart(
            "webhooks",
            _("Webhooks received"),
            _("New events that Stripe delivered, by what became of them."),
            times,
            _counted("webhooks", OUTCOMES, period, since),
        ),
        Chart(
            "delays",
            _("From payment to confirmation"),
            _("Half of the payments were confirmed within the first time, 95 % within both."),
            times,
            _delays(period, since),
            unit=_("s"),
        ),
        Chart(
            "registrations",
            _("Registrations"),
            _("What registrations became."),
            times,
            _counted("registrations", TURNS, period, since),
        ),
        Chart(
            "mails", _("Mails"), _("Mails sent."), times, _counted("mails", MAILS, period, since)
        ),
    ]


def _rows(name: str, period: Period, since: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(SQL[name], {"since": since, "step": period.step.total_seconds()})
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _counted(
    name: str, kinds: "Mapping[str, Promise | str]", period: Period, since: datetime
) -> list[Series]:
    counts = {kind: [0] * period.steps for kind in kinds}
    for step, kind, number in _rows(name, period, since):
        if kind in counts:
            counts[kind][_within(step, period)] += number
    return [
        Series(kind, str(kinds[kind]), values, spoken(sum(values)))
        for kind, values in counts.items()
    ]


def _delays(period: Period, since: datetime) -> Sequence[Series]:
    half, most = [0.0] * period.steps, [0.0] * period.steps
    whole: tuple[float | None, float | None] = (None, None)
    for step, p50, p95 in _rows("delays", period, since):
        if step is None:
            whole = (p50, p95)
            continue
        half[_within(step, period)] = p50
        most[_within(step, period)] = p95 - p50
    said = ["–" if one is None else spoken(one, _("s")) for one in whole]
    return [
        Series("half", _("half within"), half, said[0]),
        Series("most", _("95 % within"), most, said[1]),
    ]


def _within(step: int, period: Period) -> int:
    """What came in while we looked belongs to the last step."""
    return min(step, period.steps - 1)
