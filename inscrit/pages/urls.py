"""The public pages."""

from django.urls import URLPattern, path
from django.views.i18n import set_language

from . import embed, events, registering, registrations

app_name = "pages"
urlpatterns: list[URLPattern] = [
    path("", events.listing, name="events"),
    path("events/<slug:slug>", events.page, name="event"),
    path("events/<slug:slug>/register", registering.register, name="register"),
    path("embed/events/<slug:slug>", embed.page, name="embed"),
    path("registrations/<slug:registration_id>", registrations.page, name="registration"),
    path("registrations/<slug:registration_id>/status", registrations.status, name="status"),
    path("registrations/<slug:registration_id>/cancel", registrations.cancel, name="cancel"),
    path("registrations/<slug:registration_id>/pay", registrations.pay, name="pay"),
    path("language", set_language, name="language"),
]
