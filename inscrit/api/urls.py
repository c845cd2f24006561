"""The API's own addresses, under ``/api``."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from inscrit import __version__

from . import checkin, events, problems, registrations, stripe_events

DESCRIPTION = """\
Events, their places and registrations.

Staff calls carry `Authorization: Bearer KEY`; `inscrit apikey create` makes keys. Money is an
integer in the currency's minor unit, times are RFC 3339 with offset, errors are RFC 9457 problems
with a stable `code`. Lists come as `{"items": […], "next": cursor or null}`: give `next` back as
`cursor` for the next page.
"""


class Api(NinjaAPI):
    """Every error is a problem, and the schema says so."""

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:  # noqa: ARG002
        return problems.of(exc).response()

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    _name_media_type(status, response)
        return schema


def _name_media_type(status: int, response: dict[str, Any]) -> None:
    if status >= 400 and "content" in response:
        response["content"] = {problems.CONTENT_TYPE: response["content"].pop("application/json")}


api = Api(
    title="Inscrit",
    version=__version__,
    description=DESCRIPTION,
    openapi_url="/openapi.json",
    docs_url="/docs",
    urls_namespace="api",
)
api.add_router("/v1/events", events.router)
api.add_router("/v1", registrations.router)
api.add_router("/v1", checkin.router)
api.add_router("/v1/stripe-events", stripe_events.router)
