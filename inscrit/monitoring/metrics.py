"""What a web process counts itself; what the database tells of all processes is in totals.py.

The names are the public contract; docs/reference/metrics.md tells them.

Several processes of one container share a folder (``PROMETHEUS_MULTIPROC_DIR``), so that each
scrape sees all of them.
"""

import os

from prometheus_client import REGISTRY as OWN_PROCESS
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

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
LIVE_WATCHERS = Gauge(
    "inscrit_live_watchers", "Open streams of live places.", multiprocess_mode="livesum"
)


def exposition() -> bytes:
    """All metrics of this container in Prometheus's text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(OWN_PROCESS)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
