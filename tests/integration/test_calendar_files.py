"""The calendar's file, read back by a calendar library."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from icalendar import Calendar

from inscrit.events.models import Event, EventStatus
from inscrit.organisation.models import Organisation
from inscrit.papers import calendar
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import MoveRequested
from inscrit.registrations.models import JournalEntry, Registration

from .seats import event, seat

pytestmark = pytest.mark.django_db


def entry(file: calendar.File) -> dict[str, Any]:
    """Its one event; the library's values are of thirty kinds."""
    (found,) = Calendar.from_ical(file.content).walk("VEVENT")
    return {name.lower(): value for name, value in found.items()}


def sequence(registration: Registration) -> int:
    fresh = Registration.objects.select_related("event").get(pk=registration.pk)
    return int(entry(calendar.of_registration(fresh))["sequence"])


def change(registration: Registration, status: str) -> None:
    JournalEntry.objects.create(
        registration=registration,
        from_status=registration.status,
        to_status=status,
        reason="x",
        actor="x",
    )
    registration.status = status
    registration.save()


def test_it_says_what_when_and_where_in_the_events_own_time_zone() -> None:
    Organisation.objects.create(name="École Jules-Ferry", contact_email="ape@example.org")
    there = event(description="Pique-nique ; bottes, vêtements chauds\nDès 4 ans")
    found = entry(calendar.of_registration(seat(there)))
    assert found["summary"] == "L’école à la ferme"
    assert found["location"] == "Ferme du Bois-Joli"
    assert found["dtstart"].dt == datetime(2031, 5, 14, 9, 30, tzinfo=ZoneInfo("Europe/Paris"))
    assert found["dtstart"].params["TZID"] == "Europe/Paris"
    assert found["dtend"].dt == datetime(2031, 5, 14, 15, 0, tzinfo=UTC)
    assert str(found["description"]).startswith("Pique-nique ; bottes, vêtements chauds\nDès 4 ans")
    assert found["organizer"] == "mailto:ape@example.org"
    assert found["organizer"].params["CN"] == "École Jules-Ferry"


def test_it_brings_the_time_zones_rules_along_and_few_of_them() -> None:
    file = calendar.of_event(event(time_zone="America/Martinique"))
    (zone,) = Calendar.from_ical(file.content).walk("VTIMEZONE")
    assert zone["tzid"] == "America/Martinique"
    assert len(file.content) < 2000


def test_nothing_in_it_opens_the_registrations_page() -> None:
    registration = seat(event())
    assert registration.token.encode() not in calendar.of_registration(registration).content


def test_the_uid_stays_and_the_sequence_grows_with_each_change_of_the_event() -> None:
    registration = seat(event())
    before = entry(calendar.of_registration(registration))
    Event.objects.update(location="La grange")  # by whatever way
    once = sequence(registration)
    there = Event.objects.get()
    there.title = "Autre titre"
    there.save()
    after = entry(calendar.of_registration(Registration.objects.get()))
    assert before["uid"] == after["uid"]
    assert int(before["sequence"]) < once < int(after["sequence"])
    assert before["dtstamp"].dt <= after["dtstamp"].dt


def test_places_that_move_are_no_change_of_the_event() -> None:
    registration = seat(event())
    before = sequence(registration)
    Event.objects.update(confirmed=2)
    Event.objects.get().save()
    assert sequence(registration) == before


@pytest.mark.parametrize(
    ("status", "method", "said"),
    [
        ("PAID", "PUBLISH", "CONFIRMED"),
        ("PENDING", "PUBLISH", "TENTATIVE"),
        ("CANCELLED", "CANCEL", "CANCELLED"),
        ("REFUNDED", "CANCEL", "CANCELLED"),
    ],
)
def test_the_method_says_whether_it_goes_into_the_calendar_or_out(
    status: str, method: str, said: str
) -> None:
    file = calendar.of_registration(seat(event(), status=status))
    assert Calendar.from_ical(file.content)["method"] == file.method == method
    assert entry(file)["status"] == said
    assert f"method={method}" in file.content_type


def test_a_cancelled_registration_comes_after_the_one_that_was_confirmed() -> None:
    registration = seat(event())
    before = sequence(registration)
    change(registration, "CANCELLED")
    assert sequence(registration) > before
    then = sequence(registration)
    change(registration, "PAID")
    assert sequence(registration) > then


def test_a_move_is_newer_than_all_that_was_told_of_the_event_before() -> None:
    here, there = event(), event(title="La ferme, en juin")
    registration = seat(here)
    Event.objects.filter(pk=here.pk).update(confirmed=2)
    for place in ("La grange", "Le pré", "Le verger"):
        Event.objects.filter(pk=here.pk).update(location=place)
    told = [sequence(registration)]
    for destination in (there, here):  # and back again
        services.report(Report(MoveRequested(destination.pk), "admin:marie", registration.pk))
        told.append(sequence(registration))
    assert Registration.objects.get().event == here
    assert told == sorted(set(told))


def test_an_event_that_was_left_and_deleted_still_counts() -> None:
    here, there = event(), event(title="La ferme, en juin")
    registration = seat(here)
    Event.objects.filter(pk=here.pk).update(confirmed=2, location="La grange")
    services.report(Report(MoveRequested(there.pk), "admin:marie", registration.pk))
    then = sequence(registration)
    here.delete()
    assert sequence(registration) >= then


def test_a_cancelled_event_is_taken_out_of_every_calendar() -> None:
    registration = seat(event())
    before = sequence(registration)
    Event.objects.update(status=EventStatus.CANCELLED)
    fresh = Registration.objects.select_related("event").get()
    assert calendar.of_registration(fresh).method == "CANCEL"
    assert calendar.of_event(fresh.event).method == "CANCEL"
    assert sequence(fresh) > before


def get(path: str) -> Any:
    return Client().get(path)


@pytest.mark.django_db(transaction=True)
def test_both_files_are_fetched_from_the_pages() -> None:
    registration = seat(event())
    there = registration.event
    page = get(registration.get_absolute_url()).content.decode()
    own = f"/registrations/{registration.pk}/calendar.ics?token={registration.token}"
    assert own in page
    answer = get(own)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert answer["Cache-Control"] == "no-store"
    assert registration.pk.encode() in answer.content
    public = f"{there.get_absolute_url()}/calendar.ics"
    assert public in get(there.get_absolute_url()).content.decode()
    assert there.pk.encode() in get(public).content


@pytest.mark.django_db(transaction=True)
def test_a_draft_and_a_wrong_token_have_no_file() -> None:
    registration = seat(event(status=EventStatus.DRAFT))
    assert get(f"{registration.event.get_absolute_url()}/calendar.ics").status_code == 404
    assert get(f"/registrations/{registration.pk}/calendar.ics?token=x").status_code == 404
