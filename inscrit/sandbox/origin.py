"""Whether a request comes from a page of another site.

Any website a developer visits could post to an address of this machine; browsers say where a
request comes from, programs that are no browser say nothing.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from typing import TYPE_CHECKING

from starlette.requests import Request

if TYPE_CHECKING:
    from inscrit.sandbox.simulator import Simulator


def foreign(request: Request) -> bool:
    """Whether a page of another site sent this."""
    site = request.headers.get("sec-fetch-site")
    if site in ("same-origin", "cross-site"):
        return site == "cross-site"
    origin = request.headers.get("origin")
    sim: Simulator = request.app.state.simulator
    ours = (request.headers.get("host", ""), host_of(sim.config.origin))
    return origin is not None and host_of(origin) not in ours


def host_of(origin: str) -> str:
    """Name and port; empty for the ``null`` of a page that has no origin."""
    return origin.partition("://")[2]
