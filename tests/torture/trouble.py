"""What goes wrong on Stripe's side, and on the way from and to it."""

from collections import Counter
from typing import Any

import httpx

from tests.acceptance.installation import Installation

DELIVERIES: tuple[dict[str, Any], ...] = (
    {"kind": "duplicate", "probability": 0.2},
    {"kind": "drop", "probability": 0.1},
    {"kind": "reorder", "probability": 0.2},
    {"kind": "delay", "probability": 0.1, "seconds": 4},
)
CALLS: tuple[dict[str, Any], ...] = (
    {"kind": "error", "probability": 0.03},
    {"kind": "error", "probability": 0.03, "after": True},
    {"kind": "rate_limit", "probability": 0.03},
    {"kind": "slow", "probability": 0.05, "seconds": 1},
)


def begin(installation: Installation) -> None:
    for fault in DELIVERIES + CALLS:
        path = {"path": "/v1/*"} if fault in CALLS else {}
        installation.control("/faults", **fault, **path)


def end(installation: Installation) -> Counter[str]:
    """Switch all faults off; how often each kind struck."""
    faults = httpx.get(f"{installation.sandbox}/sandbox/faults", timeout=30).json()
    installation.remove_faults()
    struck: Counter[str] = Counter()
    for fault in faults:
        struck[fault["kind"] + (" after the effect" if fault["after"] else "")] += fault["struck"]
    return struck
