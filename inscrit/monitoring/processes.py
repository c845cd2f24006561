"""Memory, CPU and files of each web process of this container. Linux tells; elsewhere, nothing."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from prometheus_client import Metric


class Processes(Collector):
    """The library's own metrics of a process, for several, with the label ``pid``."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids

    def collect(self) -> Iterable["Metric"]:
        families: dict[str, Metric] = {}
        for pid in sorted(self._pids()):
            for theirs in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                ours = families.setdefault(theirs.name, _like(theirs))
                for sample in theirs.samples:
                    ours.add_sample(f"inscrit_{sample.name}", {"pid": str(pid)}, sample.value)
        return families.values()


def _like(theirs: "Metric") -> "Metric":
    family = CounterMetricFamily if theirs.type == "counter" else GaugeMetricFamily
    return family(f"inscrit_{theirs.name}", theirs.documentation)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
