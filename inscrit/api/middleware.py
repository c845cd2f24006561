"""What holds for every request below /api/v1, whether or not it reaches one of our functions."""

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.http import quote_etag

from . import limits, problems, sharing

PREFIX = "/api/v1/"
EVENTS = re.compile(r"/api/v1/events(/[A-Za-z0-9-]+)?")
MOST_BYTES = 256 * 1024

View = Callable[[HttpRequest], HttpResponseBase]
AsyncView = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def problems_everywhere(get_response: View | AsyncView) -> View | AsyncView:
    """Refuse bodies that are too big, and tell every error as a problem, Django's own too."""
    if iscoroutinefunction(get_response):
        answer_later = cast(AsyncView, get_response)

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            if not request.path.startswith(PREFIX):
                return await answer_later(request)
            early = _early(request)
            return _as_api(request, early or await answer_later(request))

        return asynchronous

    answer = cast(View, get_response)

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(PREFIX):
            return answer(request)
        return _as_api(request, _early(request) or answer(request))

    return synchronous


def _early(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to what need not go any further."""
    if request.method == "HEAD":
        request.method = "GET"  # the server leaves the body out
    try:
        too_big = len(request.body) > MOST_BYTES
    except RequestDataTooBig:
        too_big = True
    return problems.of_status(413).response() if too_big else sharing.preflight(request)


def _as_api(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The same answer; an error told in another way becomes a problem."""
    told = response.get("Content-Type") == problems.CONTENT_TYPE
    if response.status_code >= 400 and not told:
        allowed = response.get("Allow")
        response = problems.of_status(response.status_code).response()
        if allowed:
            response["Allow"] = allowed
    response["Cache-Control"] = "no-store"
    if _may_be_asked_again(request, response):
        response = _unless_known(request, cast(HttpResponse, response))
    for name, value in limits.headers(request).items():
        response[name] = value
    sharing.share(request, response)
    return response


def _may_be_asked_again(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether a caller may keep it, and ask whether it is still so: what is on offer."""
    return (
        request.method == "GET"
        and response.status_code == 200
        and not response.streaming
        and EVENTS.fullmatch(request.path) is not None
    )


def _unless_known(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    """304 for a caller that names this very answer in ``If-None-Match``."""
    etag = quote_etag(sha256(response.content).hexdigest()[:32])
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ("Authorization",))
    return get_conditional_response(request, etag=etag, response=response) or response
