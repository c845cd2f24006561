"""The organisers' pages for waiting lists."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import Unchangeable, link, list_of, page_of
from inscrit.backoffice.pages import Page, Panel
from inscrit.events.admin import EventAdmin
from inscrit.events.models import Event
from inscrit.registrations.explanations import who
from inscrit.registrations.quote import Seat

from .deeds import OfferPlaces, Remove
from .models import State, WaitingEntry

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

SHOWN = 50
BREAK = mark_safe("<br>")


def journal(request: HttpRequest, entry: WaitingEntry) -> "SafeString":
    """Everything that happened to a place in the line, the newest first."""
    rows = [
        {"at": note.at, "what": note.get_what_display(), "who": who(note.actor)}
        for note in entry.journal.order_by("-id")
    ]
    return render_to_string("admin/waiting/journal.html", {"rows": rows}, request)


def line(request: HttpRequest, event: Event) -> "SafeString | str":
    """Who waits for an event, and whose offer stands, in their order."""
    mine = Q(state=State.WAITING) | Q(registration__status="PENDING")
    concerned = WaitingEntry.objects.filter(mine, event=event).select_related("registration")
    entries = list(concerned.order_by("number")[: SHOWN + 1])
    if not entries:
        return ""
    context = {
        "rows": [{"entry": one, "page": page_of(one)} for one in entries[:SHOWN]],
        "more": len(entries) > SHOWN,
        "all": list_of(WaitingEntry, f"?event__id__exact={event.pk}"),
    }
    return render_to_string("admin/waiting/line.html", context, request)


@admin.register(WaitingEntry)
class WaitingEntryAdmin(Unchangeable, Page[WaitingEntry]):
    list_display = ("number", "contact_name", "event", "places", "state", "offer", "created_at")
    list_display_links = ("number", "contact_name")
    list_filter = ("state", ("event", admin.RelatedOnlyFieldListFilter), "created_at")
    list_select_related = ("event", "registration")
    search_fields = ("id", "contact_name", "contact_email")
    search_help_text = _("Number, name or e-mail.")
    date_hierarchy = "created_at"
    ordering = ("event", "number")
    fields = (
        "id",
        "event_link",
        "number",
        "in_line",
        "state",
        "offer",
        "places",
        "names",
        "replies",
        "contact_name",
        "contact_email",
        "locale",
        "created_at",
        "forgotten_at",
    )
    # Its public page opens with its own token.
    view_on_site = False
    deeds: ClassVar[list[Any]] = [OfferPlaces(), Remove()]
    last: ClassVar[list[Panel]] = [journal]

    def has_serve_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm("waiting.change_waitingentry")

    @admin.display(description=_("event"))
    def event_link(self, entry: WaitingEntry) -> "SafeString | str":
        return link(entry.event)

    @admin.display(description=_("place in the line"))
    def in_line(self, entry: WaitingEntry) -> int | str:
        return entry.position or "–"

    @admin.display(description=_("participants"))
    def names(self, entry: WaitingEntry) -> "SafeString | str":
        return format_html_join(BREAK, "{}", ((_named(one),) for one in entry.seats)) or "–"

    @admin.display(description=_("answers"))
    def replies(self, entry: WaitingEntry) -> "SafeString | str":
        questions = {one.pk: one for one in entry.event.questions.all()}
        given = [("", entry.order.answers), *((f"{one} · ", one.answers) for one in entry.seats)]
        lines = [
            (f"{whose}{questions[id_]}", questions[id_].said(value))
            for whose, replies in given
            for id_, value in replies
            if id_ in questions
        ]
        return format_html_join(BREAK, "{} <b>{}</b>", lines) or "–"

    @admin.display(description=_("offer"))
    def offer(self, entry: WaitingEntry) -> "SafeString | str":
        if entry.registration is None:
            return "–"
        return link(entry.registration, str(entry.registration.get_status_display()))


def _named(seat: Seat) -> str:
    return f"{seat} ({seat.option_name})" if seat.option else str(seat)


EventAdmin.above += [line]
