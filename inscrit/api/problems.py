"""Errors as the API tells them: RFC 9457 problem details with a stable ``code``."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, JsonResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError

from inscrit.registrations.quote import Unacceptable

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    422: "invalid",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}


class Problem(Exception):
    """What stands between a request and its answer.

    ``code`` is stable and meant for programs, ``detail`` for the person who reads it; ``more``
    becomes further members of the answer, ``headers`` further headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        self.more = more

    def response(self) -> HttpResponse:
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.more,
        }
        return JsonResponse(
            body, status=self.status, content_type=CONTENT_TYPE, headers=self.headers
        )


def not_found(what: str) -> Problem:
    return Problem(404, "not_found", f"There is no such {what}.")


def forbidden(detail: str) -> Problem:
    return Problem(403, "forbidden", detail)


def unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def invalid(field: str, message: str) -> Problem:
    """One field that the schema alone could not refuse."""
    return _invalid([{"field": field, "message": message}])


def invalid_fields(fields: Mapping[str, str]) -> Problem:
    """Several fields, by their paths."""
    return _invalid([{"field": name, "message": text} for name, text in fields.items()])


def unacceptable(error: Unacceptable) -> Problem:
    """What the event's own questions, options and consents object to."""
    return invalid_fields({".".join(map(str, one.path)): one.text for one in error.mistakes})


def _invalid(errors: list[dict[str, str]]) -> Problem:
    fields = ", ".join(dict.fromkeys(error["field"] for error in errors))
    return Problem(422, CODES[422], f"Some fields can't be accepted: {fields}.", errors=errors)


def of_status(status: int) -> Problem:
    """The problem of an answer that has nothing but its status."""
    code = CODES.get(status, "error")
    return Problem(status, code, f"{HTTPStatus(status).phrase}.")


def of(error: Exception) -> Problem:
    """What an exception means to the caller; what is our own fault is logged."""
    match error:
        case Problem():
            return error
        case ValidationError():
            return _invalid([_field_error(one) for one in error.errors])
        case AuthenticationError():
            return unauthorized("A key is needed: Authorization: Bearer ik_…")
        case HttpError(status_code=400):
            return Problem(400, "malformed_body", "The body is not JSON.")
        case HttpError():
            return of_status(error.status_code)
        case Http404():
            return not_found("page")
        case OperationalError() | InterfaceError():
            log.warning("⚠️  API request without a database", error=type(error).__name__)
            detail = "The database can't be reached now. Try again in a moment."
            return Problem(503, CODES[503], detail, headers={"Retry-After": "2"})
    log.error("❌ API request failed", exc_info=error)
    return of_status(500)


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Pydantic's error as a field's path, such as ``participants.0.first_name``, and a message."""
    # The location begins with the part of the request and the name of our own argument for it.
    source, *path = error["loc"]
    if source == "body":
        path = path[1:]
    message = str(error["msg"]).removeprefix("Value error, ")
    return {"field": ".".join(str(part) for part in path) or source, "message": message}
