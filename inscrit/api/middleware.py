"""What holds for every request below /api/v1, whether or not it reaches one of our functions."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from . import problems

PREFIX = "/api/v1/"
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
            return _refusal(request) or _as_api(await answer_later(request))

        return asynchronous

    answer = cast(View, get_response)

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(PREFIX):
            return answer(request)
        return _refusal(request) or _as_api(answer(request))

    return synchronous


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    if request.method == "HEAD":
        request.method = "GET"  # the server leaves the body out
    try:
        too_big = len(request.body) > MOST_BYTES
    except RequestDataTooBig:
        too_big = True
    return problems.of_status(413).response() if too_big else None


def _as_api(response: HttpResponseBase) -> HttpResponseBase:
    """The same answer, kept by no cache; an error told in another way becomes a problem."""
    told = response.get("Content-Type") == problems.CONTENT_TYPE
    if response.status_code >= 400 and not told:
        allowed = response.get("Allow")
        response = problems.of_status(response.status_code).response()
        if allowed:
            response["Allow"] = allowed
    response["Cache-Control"] = "no-store"
    return response
