"""What a web process counts itself; what the database tells of all processes is in totals.py.

The names are the public contract; docs/reference/metrics.md tells them.

Several processes of one container share a folder (``PROMETHEUS_MULTIPROC_DIR``), so that each
scrape sees all of them.
"""

import os
import platform
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY as OWN_PROCESS
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from inscrit import __version__

from .processes import Processes, is_alive

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STRIPE_EVENTS = Counter(
    "inscrit_stripe_events_total", "Stripe events received and verified.", ["type", "outcome"]
)
WEBHOOK_SECONDS = Histogram(
    "inscrit_webhook_processing_seconds",
    "From a webhook's first byte to its answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SIGNATURE_FAILURES = Counter(
    "inscrit_webhook_signature_failures_total", "Webhooks whose signature was not right."
)
VERIFIED = Counter(
    "inscrit_webhook_verified_total",
    "Webhooks by the fingerprint of the signing secret that was right.",
    ["secret"],
)
PAID_TO_CONFIRMED = Histogram(
    "inscrit_paid_to_confirmed_seconds",
    "From Stripe's time of the event to our commit.",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
CHECKOUTS = Counter(
    "inscrit_checkout_openings_total", "Payment pages that Stripe was asked to open.", ["result"]
)
for _result in ("opened", "refused", "address_refused", "unavailable"):  # at 0 from the start
    CHECKOUTS.labels(_result)
ANSWERS = Counter(
    "inscrit_answers_total", "Answers of the pages, the API and the admin.", ["status"]
)
for _status in ("2xx", "3xx", "4xx", "5xx"):  # at 0 from the start
    ANSWERS.labels(_status)
LIVE_WATCHERS = Gauge(
    "inscrit_live_watchers", "Open streams of live places.", multiprocess_mode="livesum"
)
WEBHOOKS_QUEUED = Gauge(
    "inscrit_webhooks_queued",
    "Webhooks that wait for the next commit.",
    multiprocess_mode="livesum",
)
LOOP_DELAY = Histogram(
    "inscrit_event_loop_delay_seconds",
    "How much later than asked for the event loop came back, once a second.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
POOL = Gauge(
    "inscrit_database_pool_connections",
    "Connections in the pools of the web processes.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_WAITING = Gauge(
    "inscrit_database_pool_waiting",
    "Requests that wait for a connection.",
    multiprocess_mode="livesum",
)
# Shown as it is, whichever process set it.
BUILD = Gauge(
    "inscrit_build_info", "What runs here.", ["version", "python"], multiprocess_mode="mostrecent"
)
BUILD.labels(__version__, platform.python_version()).set(1)


def exposition() -> bytes:
    """All metrics of this container in Prometheus's text format."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    registry = _of_all_processes(Path(folder)) if folder else OWN_PROCESS
    return generate_latest(registry) + generate_latest(_processes)


def _of_all_processes(folder: Path) -> CollectorRegistry:
    # What a dead process counted stays; that it had watchers does not.
    for pid in _pids(folder):
        if not is_alive(pid):
            multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _pids(folder: Path) -> set[int]:
    """Of those who wrote their live gauges there: gauge_livesum_<pid>.db"""
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")}


def _own_pids() -> Iterator[int]:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    yield from filter(is_alive, _pids(Path(folder))) if folder else [os.getpid()]


_processes = CollectorRegistry(auto_describe=False)
_processes.register(Processes(_own_pids))
