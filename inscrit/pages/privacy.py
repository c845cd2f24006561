"""Pages whose address is a key."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], Coroutine[Any, Any, HttpResponse]]

# "no-referrer" would make browsers send "Origin: null" with our own forms, which CSRF protection
# refuses; "strict-origin" never tells the address either. https://fetch.spec.whatwg.org/#origin-header
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "strict-origin",
    "X-Robots-Tag": "noindex, nofollow",
}


def private(view: View[P]) -> View[P]:
    """The answer is kept nowhere, found by nobody, and its address is told to nobody."""

    @wraps(view)
    async def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = await view(request, *args, **kwargs)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    return guarded
