"""How often the API may be called, and by whom."""

from django.http import HttpRequest

from inscrit.networks import network_of
from inscrit.rate_limits import Limit, Standing

from . import problems

KEYS = Limit("key", 1200)
READS = Limit("address", 300)
WRITES = Limit("address-writes", 60)


def check_key(request: HttpRequest, key_id: int) -> None:
    """Count a call made with a key. Raises Problem 429."""
    _check(request, KEYS, str(key_id))


def check_address(request: HttpRequest) -> None:
    """Count a call made without one, or with one that is not known. Raises Problem 429."""
    network = network_of(request.META.get("REMOTE_ADDR", ""))
    if network is not None:
        _check(request, READS if request.method in ("GET", "HEAD") else WRITES, network)


def _check(request: HttpRequest, limit: Limit, caller: str) -> None:
    standing = limit.take(caller)
    request.META["inscrit.standing"] = standing
    if standing.wait:
        detail = f"Too many calls. Try again in {standing.wait} s."
        raise problems.Problem(429, "too_many_requests", detail, headers=standing.headers)


def headers(request: HttpRequest) -> dict[str, str]:
    """What the answer tells of how the caller stands."""
    standing = request.META.get("inscrit.standing")
    return standing.headers if isinstance(standing, Standing) else {}
