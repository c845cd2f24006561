"""Every page that is looked at by the browser proofs, and every address that is none.

What hangs in the admin is found by itself; any other new page needs a line here, or
``test_no_page_is_forgotten`` fails.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatch

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from inscrit.backoffice import Unchangeable

from .town import Made, Town

Address = Callable[[Town], str]


def own(made: Made, path: str = "") -> str:
    return f"/registrations/{made['id']}{path}?token={made['token']}"


def _in_line(town: Town, path: str = "") -> str:
    return f"/waiting-list/{town.in_line['id']}{path}?token={town.in_line['token']}"


# By the name of the page: its path.
PUBLIC: Mapping[str, Address] = {
    "list": lambda _: "/",
    "event": lambda town: f"/events/{town.event['slug']}",
    "event, full": lambda town: f"/events/{town.full['slug']}",
    "event, free": lambda town: f"/events/{town.free['slug']}",
    "event, several prices": lambda town: f"/events/{town.priced['slug']}",
    "event, closed": lambda town: f"/events/{town.closed['slug']}",
    "event, cancelled": lambda town: f"/events/{town.cancelled['slug']}",
    "event, back at its form": lambda town: f"/events/{town.event['slug']}/register",
    "event, back at its waiting list": lambda town: f"/events/{town.full['slug']}/waiting-list",
    "event, framed": lambda town: f"/embed/events/{town.event['slug']}",
    "registration, waiting": lambda town: own(town.waiting),
    "registration, back from paying": lambda town: own(town.waiting) + "&returned=1",
    "registration, paid": lambda town: own(town.paid),
    "registration, cheque": lambda town: own(town.cheque),
    "registration, cancelled": lambda town: own(town.expired),
    "registration, refunded": lambda town: own(town.refunded),
    "registration, offered": lambda town: town.offered,
    "cancel?": lambda town: own(town.waiting, "/cancel"),
    "cancel what is paid?": lambda town: own(town.paid, "/cancel"),
    "place in the line": _in_line,
    "leave the line?": lambda town: _in_line(town, "/leave"),
    "lost links": lambda _: "/my",
    "my registrations": lambda town: town.ways["mine"],
    "a link that is too old": lambda _: "/my/1:x",
    "no more mail?": lambda town: town.ways["no_more_mail"],
    "not found": lambda _: "/events/nothing-here",
    "log in": lambda _: "/admin/login/?next=/admin/",
    "new password": lambda _: "/account/new-password/",
    "new password, sent": lambda _: "/account/new-password/sent/",
    "invitation": lambda town: town.ways["invitation"],
    "invitation, used": lambda _: "/account/password/MQ/x-y/",
}
# In English alone, whoever looks.
API = "/api/docs"


def routes(
    known: Iterable[URLPattern | URLResolver] | None = None, before: str = ""
) -> Iterator[str]:
    """Every address of the site as Django has it, such as ``events/<slug:slug>``."""
    for one in get_resolver().url_patterns if known is None else known:
        here = before + str(one.pattern).removeprefix("^")
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, here)
        else:
            yield here


def _of_models(ending: str, *, records_only: bool = True) -> list[str]:
    """The addresses of rows that are the record of what happened, so never written by hand."""
    return [
        f"admin/{model._meta.app_label}/{model._meta.model_name}/{ending}"
        for model, page in admin.site._registry.items()
        if isinstance(page, Unchangeable) or not records_only
    ]


# Why there is nothing to look at, and where.
NO_PAGE: Mapping[str, list[str]] = {
    "it answers programs": [
        "healthz",
        "readyz",
        "api/openapi.json",
        "api/v1/*",
        "*/status",
        "admin/autocomplete/",
        "admin/jsi18n/",
    ],
    "it is shown to whom its form was sent by: test_a_parent_who_waits looks at it": [
        "events/<slug:slug>/waiting-list/asked",
    ],
    "it sends a file": [
        "favicon.ico",
        "*.ics",
        "*.pdf",
        "*.png",
        "*.webp",
        "admin/desk/export/*",
        "admin/papers/receipt/<int:receipt>/print/",
    ],
    "it leads on": [
        "admin/password_reset/",
        "admin/organisation/organisation/",
        *_of_models("<path:object_id>/", records_only=False),
    ],
    "it is closed to everybody": [
        "admin/r/*",
        "api/",
        "admin/(?P<url>*",
        *_of_models("add/"),
        *_of_models("<path:object_id>/delete/"),
        "admin/registrations/registration/add/",
        "admin/registrations/registration/<path:object_id>/delete/",
        "admin/organisation/organisation/add/",
        "admin/organisation/organisation/<path:object_id>/delete/",
        "admin/mail/unsubscribed/add/",
        "admin/procrastinate/procrastinatejob/add/",
        "admin/procrastinate/procrastinatejob/<path:object_id>/delete/",
        *(
            f"admin/{one}/<path:object_id>/{page}/"
            for one in ("watchdog/health", "doctor/setup")
            for page in ("change", "history")
        ),
    ],
    "it only takes what is sent": [
        "language",
        "registrations/<slug:registration_id>/pay",
        "account/second-factor/recovery-codes/",
        "account/second-factor/remove/",
        "admin/logout/",
        "admin/mail/message/<path:object_id>/send-again/",
        "admin/mail/message/<path:object_id>/give-up/",
        "admin/mail/message/preview/send/",
        "admin/events/event/<path:object_id>/keep-quiet/",
        "admin/webhooks/stripeevent/<path:object_id>/dry-run/",
        "admin/outgoing/endpoint/<path:object_id>/test/",
        "admin/outgoing/endpoint/<path:object_id>/enable/",
        "admin/outgoing/delivery/<path:object_id>/send-again/",
        "admin/auth/user/<path:object_id>/send-link/",
    ],
}


# Nothing runs within these, not even axe: their words are looked at by themselves.
MAILS = ("admin/mail/message/<int:pk>/body/", "admin/mail/message/preview/body/")


def why_no_page(route: str) -> str | None:
    if route in MAILS:
        return "it is a mail"
    return next(
        (why for why, those in NO_PAGE.items() if any(fnmatch(route, one) for one in those)), None
    )


# Which one is looked at, where the first of its kind would not show much.
CHOSEN: Mapping[str, Callable[[Town], Made]] = {
    "admin/events/event/<path:object_id>/publish/": lambda town: town.draft,
    "admin/events/event/<path:object_id>/open-sales/": lambda town: town.closed,
    "admin/events/event/<path:object_id>/delete/": lambda town: town.draft,
    "admin/events/*": lambda town: town.event,
    "admin/registrations/registration/<path:object_id>/mark-paid/": lambda town: town.cheque,
    "admin/registrations/registration/<path:object_id>/accept/": lambda town: town.disputed,
    "admin/registrations/registration/<path:object_id>/give-back/": lambda town: town.disputed,
    "admin/registrations/registration/<path:object_id>/leave/": lambda town: town.disputed,
    "admin/registrations/*": lambda town: town.paid,
    "admin/waiting/*": lambda town: town.in_line,
}


def filled(route: str) -> Address:
    """The address of one of this kind."""

    def address(town: Town) -> str:
        values = _values(town) | {"object_id": _row(route, town)}
        values |= dict.fromkeys(("pk", "receipt"), values["object_id"])
        plain = route.replace("(?P<url>.*)$", "nothing-here")
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda name: values[name[1]], plain)

    return address


def _values(town: Town) -> dict[str, str]:
    """What stands in addresses, by the names that Django's routes have for it."""
    return {
        "event_id": town.event["id"],
        "slug": town.event["slug"],
        "registration_id": town.paid["id"],
        "entry_id": town.in_line["id"],
        "stripe_event_id": town.rows["webhooks/stripeevent"],
        "endpoint_id": town.rows["outgoing/endpoint"],
        "message_id": town.rows["outgoing/delivery"],
        "content_type_id": "1",
        "digest": "0" * 32,
        "lines": "registrations",
        "form": "csv",
        "_rest": "1/1/",
    }


def _row(route: str, town: Town) -> str:
    for pattern, choose in CHOSEN.items():
        if fnmatch(route, pattern):
            return str(choose(town)["id"])
    return town.rows.get("/".join(route.split("/")[1:3]), "1")


# Behind the login. What hangs in the admin is found by itself.
DESK: Mapping[str, Address] = {
    **{
        route: filled(route)
        for route in routes()
        if route.startswith("admin/") and "(?P<" not in route and why_no_page(route) is None
    },
    "a flagged registration": lambda town: (
        f"/admin/registrations/registration/{town.disputed['id']}/change/"
    ),
    "a cancelled event": lambda town: f"/admin/events/event/{town.cancelled['id']}/change/",
    "a draft": lambda town: f"/admin/events/event/{town.draft['id']}/change/",
    "health in the last hour": lambda _: "/admin/watchdog/health/?period=hour",
    "nothing found": lambda _: "/admin/registrations/registration/?q=nobody",
    "somebody found at the entrance": lambda town: f"/admin/checkin/{town.event['id']}?q=Test",
    "one of the parts": lambda _: "/admin/mail/",
    "not allowed": lambda _: "/admin/registrations/registration/add/",
    "not understood": lambda _: "/admin/events/event/?registrations__amount=1",
    "second factor": lambda _: "/account/second-factor/",
    "second factor, set-up": lambda _: "/account/second-factor/set-up/",
}


def shown(town: Town) -> set[str]:
    """The routes of all pages that are looked at."""
    addresses = [API, *(address(town) for address in (*PUBLIC.values(), *DESK.values()))]
    return {str(resolve(one.partition("?")[0]).route) for one in addresses}
