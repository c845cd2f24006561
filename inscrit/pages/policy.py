"""What a browser may do with our pages, unless a page says so itself."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER = "Content-Security-Policy"
# Forms are left out: Chromium would hold up what goes on to Stripe, wherever Stripe's page is.
POLICY = "script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
# The API's own page has a script of its own in it.
ELSEWHERE = "/api/"

View = Callable[[HttpRequest], HttpResponseBase]
AsyncView = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def own_scripts_only(get_response: View | AsyncView) -> View | AsyncView:
    """A second wall: a text that got into a page unescaped does nothing there."""
    if iscoroutinefunction(get_response):
        answer_later = cast(AsyncView, get_response)

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            return _guarded(request, await answer_later(request))

        return asynchronous

    answer = cast(View, get_response)

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return _guarded(request, answer(request))

    return synchronous


def _guarded(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    is_page = response.get("Content-Type", "").startswith("text/html")
    if is_page and not request.path.startswith(ELSEWHERE):
        response.setdefault(HEADER, POLICY)
    return response
