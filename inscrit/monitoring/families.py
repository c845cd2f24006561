"""Numbers on their way from the database to Prometheus."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper


def rows(cursor: "CursorWrapper", query: str) -> list[tuple[Any, ...]]:
    cursor.execute(query)
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def counter(name: str, about: str, label: str, counts: Mapping[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, number in counts.items():
        family.add_metric([value], number)
    return family


def gauge(
    name: str, about: str, labels: Iterable[str], samples: Iterable[tuple[Any, ...]]
) -> GaugeMetricFamily:
    """``samples`` are the values of the labels, and the number last."""
    family = GaugeMetricFamily(name, about, labels=list(labels))
    for *values, number in samples:
        family.add_metric(values, number)
    return family
