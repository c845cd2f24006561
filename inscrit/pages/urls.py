"""The public pages."""

from django.urls import URLPattern, path
from django.views.i18n import set_language

from . import (
    embed,
    events,
    mine,
    no_more_mail,
    papers,
    photos,
    registering,
    registrations,
    signs,
    waiting,
)

app_name = "pages"
urlpatterns: list[URLPattern] = [
    path("", events.listing, name="events"),
    path("events/<slug:slug>", events.page, name="event"),
    path("events/<slug:slug>/register", registering.register, name="register"),
    path("events/<slug:slug>/waiting-list", waiting.join, name="wait"),
    path("events/<slug:slug>/waiting-list/asked", waiting.asked, name="asked-to-wait"),
    path("waiting-list/<slug:entry_id>", waiting.page, name="waiting"),
    path("waiting-list/<slug:entry_id>/status", waiting.status, name="waiting-status"),
    path("waiting-list/<slug:entry_id>/leave", waiting.leave, name="leave"),
    path("embed/events/<slug:slug>", embed.page, name="embed"),
    path("registrations/<slug:registration_id>", registrations.page, name="registration"),
    path("registrations/<slug:registration_id>/status", registrations.status, name="status"),
    path("registrations/<slug:registration_id>/cancel", registrations.cancel, name="cancel"),
    path("registrations/<slug:registration_id>/pay", registrations.pay, name="pay"),
    path("photos/<str:digest>.webp", photos.serve, name="photo"),
    path("favicon.ico", signs.favicon),
    path("no-more-mail/<int:message_id>/<str:token>", no_more_mail.page, name="no-more-mail"),
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
