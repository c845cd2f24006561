"""The way to the entrance from an event's page, and the record of arrivals."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, Unchangeable, link
from inscrit.events.admin import EventAdmin
from inscrit.events.models import Event, EventStatus

from . import services
from .models import Arrival

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(Arrival)
class ArrivalAdmin(Unchangeable, ModelAdmin[Arrival]):
    list_display = ("participant", "registration_link", "at", "by", "undone_at", "undone_by")
    list_filter = ("at", "by")
    list_select_related = ("participant__registration",)
    search_fields = ("participant__last_name", "participant__registration__id")
    fields = readonly_fields = list_display

    @admin.display(description=_("registration"))
    def registration_link(self, arrival: Arrival) -> "SafeString | str":
        return link(arrival.participant.registration)


def way_to_the_entrance(request: HttpRequest, event: Event) -> "SafeString | str":
    if event.status == EventStatus.DRAFT or not request.user.has_perm("checkin.add_arrival"):
        return ""
    context = {"event": event, "count": services.crowd(event)}
    return render_to_string("admin/checkin/way.html", context, request)


EventAdmin.above += [way_to_the_entrance]
