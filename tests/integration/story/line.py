"""The line to Stripe: the sandbox in this process, and what happens during a call to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl

import httpx

Moment = Literal["before", "after"]
Kind = Literal["open", "end", "read", "refund", "list refunds"]


class Killed(BaseException):
    """The process that called was killed at this moment: what it had committed stays, no more."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call to Stripe's API that is on its way, or just answered."""

    kind: Kind
    path: str
    form: dict[str, str]

    @classmethod
    def of(cls, request: httpx.Request) -> "Call":
        path = request.url.path
        kind: Kind = "read"
        if path.endswith("/refunds"):
            kind = "refund" if request.method == "POST" else "list refunds"
        elif request.method == "POST":
            kind = "end" if path.endswith("/expire") else "open"
        form = parse_qsl(request.content.decode() or request.url.query.decode())
        return cls(kind, path, dict(form))


Deed = Callable[[Call], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Incident:
    """What happens right before Stripe carries out a call, or before its answer is read."""

    kind: Kind
    moment: Moment
    deed: Deed


@dataclass(slots=True)
class Line(httpx.AsyncBaseTransport):
    """Carries calls to the sandbox; each incident strikes the next call that it fits, once."""

    sandbox: httpx.AsyncBaseTransport
    incidents: list[Incident] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = Call.of(request)
        incident = self._take(call)
        if incident and incident.moment == "before":
            await incident.deed(call)
        answer = await self.sandbox.handle_async_request(request)
        if incident and incident.moment == "after":
            await incident.deed(call)
        return answer

    def _take(self, call: Call) -> Incident | None:
        fitting = (one for one in self.incidents if one.kind == call.kind)
        incident = next(fitting, None)
        if incident:
            self.incidents.remove(incident)
        return incident
