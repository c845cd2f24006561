"""Whoever has a second factor, or must have one, is nobody yet while only the password was given.

Everything that asks ``request.user`` sees an anonymous visitor until then, except for the pages
that ask for the code.
"""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware
from django.utils.http import urlencode

from inscrit import config

from . import second_factor

VERIFIED = "second_factor"
ADMIN = "/admin/"
ACCOUNT = "/account/"
OPEN = ("/admin/login/", "/admin/logout/", "/admin/jsi18n/")

View = Callable[[HttpRequest], HttpResponseBase]
AsyncView = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def second_factor_first(get_response: View | AsyncView) -> View | AsyncView:
    """Requests without a session pass at once: most are no staff's."""
    if iscoroutinefunction(get_response):
        answer_later = cast(AsyncView, get_response)

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            early = await sync_to_async(_stop)(request) if _has_session(request) else None
            return early or await answer_later(request)

        return asynchronous

    answer = cast(View, get_response)

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        early = _stop(request) if _has_session(request) else None
        return early or answer(request)

    return synchronous


def _has_session(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def _stop(request: HttpRequest) -> HttpResponseBase | None:
    if request.path.startswith(ACCOUNT) or not request.user.is_authenticated:
        return None
    if not is_due(request, request.user):
        return None
    request.user = AnonymousUser()
    if not request.path.startswith(ADMIN) or request.path.startswith(OPEN):
        return None
    if request.headers.get("Accept") == "application/json":
        return None  # a page's script does not follow us; the page tells it who is nobody
    query = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('people:second-factor')}?{query}")


def is_due(request: HttpRequest, user: User) -> bool:
    """Whether a code is to be given still, or a second factor to be set up."""
    if request.session.get(VERIFIED) == user.pk:
        return False
    return config.current().require_second_factor or second_factor.factor_of(user) is not None


def open_for(request: HttpRequest, user: User) -> None:
    """The code was right. The session gets a new key, as with every login."""
    request.session.cycle_key()
    request.session[VERIFIED] = user.pk
