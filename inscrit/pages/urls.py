"""The public pages."""

from django.urls import URLPattern, path
from django.views.i18n import set_language

from . import events, mine, papers, registering, registrations

app_name = "pages"
urlpatterns: list[URLPattern] = [
    path("", events.listing, name="events"),
    path("events/<slug:slug>", events.page, name="event"),
    path("events/<slug:slug>/register", registering.register, name="register"),
    path("registrations/<slug:registration_id>", registrations.page, name="registration"),
    path("registrations/<slug:registration_id>/status", registrations.status, name="status"),
    path("registrations/<slug:registration_id>/cancel", registrations.cancel, name="cancel"),
    path("registrations/<slug:registration_id>/pay", registrations.pay, name="pay"),
    path(
        "registrations/<slug:registration_id>/calendar.ics",
        papers.registration_calendar,
        name="registration-calendar",
    ),
    path("registrations/<slug:registration_id>/receipt.pdf", papers.receipt, name="receipt"),
    path("registrations/<slug:registration_id>/code.png", papers.code, name="code"),
    path("events/<slug:slug>/calendar.ics", papers.event_calendar, name="event-calendar"),
    path("my", mine.ask, name="my"),
    path("my/<str:key>", mine.listing, name="mine"),
    path("language", set_language, name="language"),
]
