"""A person at the desk looks at the line, offers out of turn, and takes somebody off it."""

import pytest
from django.urls import reverse

from inscrit.events.models import Event
from inscrit.waiting.models import State, WaitingEntry

from .desk import address, asked, done, listed, organiser, reader, seen
from .test_waiting_list import cancel, counters, offer_of, sold_out, wait

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


def test_the_event_s_page_shows_the_line_in_its_order() -> None:
    event, _first = sold_out(2)
    desk = organiser()
    assert "The whole list" not in seen(desk, event)
    wait(event, 1, "Ana"), wait(event, 2, "Bob")
    page = seen(desk, event)
    assert page.index("Ana") < page.index("Bob")
    assert "Waiting list" in page
    assert "Ana" in listed(desk, WaitingEntry, f"?event__id__exact={event.pk}")


def test_offering_out_of_turn_tells_what_will_happen_and_is_written_down() -> None:
    event, first = sold_out(2)
    family, single = wait(event, 2, "Family"), wait(event, 1, "Single")
    desk = organiser()
    assert "0 places are free, and 1 are wanted" in asked(desk, single, "offer")
    cancel(first)
    question = asked(desk, single, "offer")
    assert "1 place is held until" in question
    assert "passed over this once" in question
    page = done(desk, single, "offer")
    assert "The places are offered." in page
    assert "Was offered a place by an organiser, out of turn." in page
    assert "marie-en" in page
    assert offer_of(single).status == "PENDING"
    assert offer_of(single).journal.get().actor == "admin:marie-en"
    family.refresh_from_db()
    assert family.state == State.WAITING


def test_taking_somebody_off_the_list_is_asked_first_and_written_down() -> None:
    event, _first = sold_out(2)
    entry = wait(event)
    desk = organiser()
    assert "Their place in the line is given up." in asked(desk, entry, "remove")
    page = done(desk, entry, "remove")
    assert "They are off the list." in page
    assert "Was removed from the list by an organiser." in page
    assert counters(event) == (0, 2, 0)
    assert "They do not wait any more." in asked(desk, entry, "remove")


def test_who_may_only_look_changes_nothing() -> None:
    event, _first = sold_out(2)
    entry = wait(event)
    desk = reader()
    assert "Wanda" in seen(desk, entry)
    for deed in ("offer", "remove"):
        assert desk.get(address(entry, deed)).status_code == 403
        assert desk.post(address(entry, deed)).status_code == 403
    entry.refresh_from_db()
    assert entry.state == State.WAITING


def test_what_opens_a_place_in_the_line_is_shown_to_nobody_else() -> None:
    """Once there is an offer, it leads on to the registration and what opens that."""
    event, _first = sold_out(2)
    entry = wait(event)
    message = entry.messages.get(kind="waiting_joined")
    desk = reader()
    page = seen(desk, message)
    assert "As it would be sent now" in page
    body = desk.get(reverse("admin:mail_message_body", args=[message.pk])).content.decode()
    assert entry.pk in body
    assert entry.token not in page + body


def test_cancelling_an_event_tells_how_many_wait() -> None:
    event, _first = sold_out(2)
    wait(event, 1, "Ana"), wait(event, 2, "Bob")
    assert "The waiting list is closed: 2 people are told" in asked(organiser(), event, "cancel")


def test_the_hours_of_an_offer_stand_on_the_event_s_page() -> None:
    event, _first = sold_out(2)
    page = organiser().get(f"/admin/events/event/{event.pk}/change/").content.decode()
    assert 'name="offer_hours" value="24"' in page
    assert Event.objects.get(pk=event.pk).offer_hours == 24
