"""The dashboard: what happened, at a glance and live, and every button of the control API."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from inscrit.sandbox.dashboard_texts import DASHBOARD_TEXTS
from inscrit.sandbox.faults import WHEN_CALLED, WHEN_QUEUED, WHEN_SENT
from inscrit.sandbox.history import deliveries
from inscrit.sandbox.money import written
from inscrit.sandbox.pages import POLICY
from inscrit.sandbox.rate_limits import RateLimits
from inscrit.sandbox.resources.dispute import OPEN
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.texts import language_of

SHOWN = 25
# Many changes in a moment make one redraw.
CALM_SECONDS = 0.3
BEAT_SECONDS = 15

TEST_EVENTS = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
)

# Each by an index that holds just these.
COUNTS = {
    "paid": "SELECT count(*) FROM object INDEXED BY object_paid "
    "WHERE kind = 'charge' AND json_extract(body, '$.paid')",
    "open": "SELECT count(*) FROM object INDEXED BY object_open "
    "WHERE kind = 'checkout.session' AND json_extract(body, '$.status') = 'open'",
    "undelivered": "SELECT count(*) FROM object INDEXED BY object_undelivered "
    "WHERE kind = 'event' AND json_extract(body, '$.pending_webhooks') > 0",
}


class Dashboard:
    def __init__(self, sim: Simulator, limits: RateLimits, templates: Environment) -> None:
        self.sim = sim
        self.limits = limits
        self.templates = templates

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.home),
            Route("/dashboard", self.page),
            Route("/dashboard/board", self.board),
            Route("/dashboard/stream", self.stream),
        ]

    async def home(self, _: Request) -> Response:
        return RedirectResponse("/dashboard")

    async def page(self, request: Request) -> Response:
        error = request.query_params.get("error")
        return self.render(request, "dashboard.html", {**self.state(), "error": error})

    async def board(self, request: Request) -> Response:
        """The part of the page that changes."""
        return self.render(request, "board.html", self.state())

    async def stream(self, _: Request) -> Response:
        return StreamingResponse(
            self.changes(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def changes(self) -> AsyncIterator[str]:
        with self.sim.feed.watch() as changed:
            yield "retry: 1000\n\n"
            while True:
                try:
                    await asyncio.wait_for(changed.wait(), BEAT_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                await asyncio.sleep(CALM_SECONDS)
                changed.clear()
                yield "event: changed\ndata: \n\n"

    # What is shown.

    def state(self) -> dict[str, Any]:
        return {
            "sim": self.sim,
            "limits": self.limits,
            "counts": self.counts(),
            "payments": [self.payment(each) for each in self.newest("payment_intent")],
            "sessions": self.newest("checkout.session"),
            "events": [self.told(each) for each in self.newest("event")],
            "endpoints": [self.endpoint(each) for each in self.sim.endpoints()],
            "faults": list(self.sim.faults.active.values()),
            "delivery_faults": sorted(WHEN_QUEUED | WHEN_SENT),
            "call_faults": sorted(WHEN_CALLED),
            "test_events": TEST_EVENTS,
        }

    def newest(self, kind: str) -> list[StripeObject]:
        return self.sim.store.select(kind, limit=SHOWN)

    def counts(self) -> dict[str, int]:
        counted = {name: self.count(query) for name, query in COUNTS.items()}
        return counted | {"faults_on": len(self.sim.faults.active)}

    def count(self, query: str) -> int:
        return int(self.sim.store.database.execute(query).fetchone()[0])

    def payment(self, intent: StripeObject) -> dict[str, Any]:
        store = self.sim.store
        charge = store.first("charge", payment_intent=intent["id"])
        dispute = store.first("dispute", charge=charge["id"]) if charge else None
        return {
            "intent": intent,
            "charge": charge,
            "dispute": dispute,
            "disputed": bool(dispute and dispute["status"] in OPEN),
            "status": payment_status(intent, charge, dispute),
        }

    def told(self, event: StripeObject) -> dict[str, Any]:
        return {"event": event, "deliveries": deliveries(self.sim.store, event["id"])}

    def endpoint(self, endpoint: StripeObject) -> dict[str, Any]:
        return endpoint | {"secrets": self.sim.store.hidden(endpoint["id"])["secrets"]}

    def render(self, request: Request, template: str, shown: dict[str, Any]) -> Response:
        accepted = request.headers.get("accept-language", "")
        language = language_of(self.sim.config.language, accepted)
        html = self.templates.get_template(template).render(
            t=DASHBOARD_TEXTS[language],
            language=language,
            money=lambda amount, currency: written(amount, currency, language),
            moment=moment,
            span=span,
            now=self.sim.clock.now(),
            **shown,
        )
        return HTMLResponse(html, headers=POLICY)


def payment_status(
    intent: StripeObject, charge: StripeObject | None, dispute: StripeObject | None
) -> str:
    """One word for where the money is."""
    if dispute and dispute["status"] != "won":
        return f"dispute {dispute['status']}"
    if charge and charge["refunded"]:
        return "refunded"
    if charge and charge["amount_refunded"]:
        return "partly refunded"
    return str(intent["status"])


def moment(seconds: float) -> str:
    """A time of the sandbox's clock, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def span(seconds: float) -> str:
    """A duration in its largest fitting unit."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{max(seconds, 0):.0f} s"
