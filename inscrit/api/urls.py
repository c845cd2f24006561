"""The API's own addresses, under ``/api``."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from inscrit import __version__

from . import checkin, events, examples, places, problems, registrations, stripe_events, waiting

DESCRIPTION = """\
Events, their places and registrations.

**Keys.** Staff calls carry `Authorization: Bearer ik_…`; `inscrit apikey create NAME --role ROLE`
makes keys. A `readonly` key looks, a `secretary` handles registrations and money, an `organiser`
does everything. Buyers need no key: creating a registration answers a `token` that opens it.

**Values.** Money is an integer in the currency's minor unit with `currency` beside it (ISO 4217,
lower case). Times are RFC 3339 with offset; answers are in UTC. Fields that are not known are
refused.

**Errors** are RFC 9457 problems, `application/problem+json`, with a stable `code` for programs and
a `detail` for people. `422 invalid` names each field under `errors`.

**Lists** come as `{"items": […], "next": cursor or null}`: give `next` back as `cursor` for the
next page. What is added meanwhile neither repeats nor hides anything.

**Repeating.** `Idempotency-Key` makes it safe to send a registration or a refund again: for 24
hours the same key with the same body gives the same answer.

**How often.** 1200 calls a minute with a key; without one 300 from an address, 60 of them calls
that change something. `RateLimit` and `RateLimit-Policy` tell how you stand; `429` comes with
`Retry-After`.

**Not asking again and again.** Events carry an `ETag`: with `If-None-Match` they answer `304` while
nothing has changed. Places come as a stream. Everything else is told by webhooks, signed as
[Standard Webhooks](https://www.standardwebhooks.com/) has it; see *webhook endpoints*.
"""
TAGS = {
    "events": "What is on offer, and its places. Reading needs no key.",
    "registrations": "Who has a place. The buyer has a token, the staff a key.",
    "stripe events": "What Stripe told us, and what became of it.",
    "webhook endpoints": "Programs that are told of every change. Organisers only.",
}


class Docs(Swagger):
    """In a page of ours: Ninja's has no language and no main part."""

    template = "api/docs.html"


class Api(NinjaAPI):
    """Every error is a problem, and the schema says so. ``webhooks`` is what we send ourselves."""

    webhooks: ClassVar[dict[str, Any]] = {}

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:  # noqa: ARG002
        return problems.of(exc).response()

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
        for operations in schema["paths"].values():
            for operation in operations.values():
                examples.illustrate(operation)
        if self.webhooks:
            schema["webhooks"] = self.webhooks
        return schema


api = Api(
    title="Inscrit",
    version=__version__,
    description=DESCRIPTION,
    openapi_url="/openapi.json",
    # A link within the button that opens an operation is nothing for a screen reader.
    docs=Docs(settings={"deepLinking": False}),
    docs_url="/docs",
    urls_namespace="api",
)
api.add_router("/v1/events", events.router)
api.add_router("/v1", places.router)
api.add_router("/v1/events", waiting.router)
api.add_router("/v1", registrations.router)
api.add_router("/v1", checkin.router)
api.add_router("/v1/stripe-events", stripe_events.router)
