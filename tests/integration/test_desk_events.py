"""Events at the secretary's desk: typed as people write, moved, copied, opened and closed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from inscrit.backoffice import page_of
from inscrit.desk.glance import MOST_DAYS
from inscrit.events.deeds import CloseSales, duplicate
from inscrit.events.models import Event
from inscrit.events.state import State, state_of

from .desk import address, asked, done, fingerprint, listed, organiser, reader, seen, text_of
from .event_form import save, shown
from .test_audit import make_event, paid, register

pytestmark = pytest.mark.django_db(transaction=True)
NEW_YORK = ZoneInfo("America/New_York")


TYPED = {
    "title": "Kermesse",
    "starts_at": "2029-07-03T14:00",
    "ends_at": "2029-07-03T19:00",
    "time_zone": "Europe/Paris",
    "capacity": "20",
    "price": "12.50",
}


def fresh(event: Event) -> Event:
    event.refresh_from_db()
    return event


def test_an_event_elsewhere_is_typed_and_shown_in_its_own_time() -> None:
    desk = organiser()
    said = {**TYPED, "time_zone": "America/New_York", "sales_end_at": "2029-07-01T08:30"}
    assert save(desk, None, **said).status_code == 302
    event = Event.objects.get()
    assert event.starts_at == datetime(2029, 7, 3, 18, tzinfo=UTC)
    assert event.sales_end_at == datetime(2029, 7, 1, 12, 30, tzinfo=UTC)
    body = desk.get(page_of(event)).content.decode()
    assert 'value="2029-07-03T14:00"' in body
    assert 'value="2029-07-01T08:30"' in body
    assert "14:00 America/New York" in listed(desk, Event)


def test_where_each_price_is_full_the_event_is_sold_out() -> None:
    desk, event = organiser(), make_event(capacity=None)
    event.options.create(name="Adulte", price=1000, quota=1, taken=1)
    assert state_of(event, timezone.now()) is State.SOLD_OUT
    assert '<b data-part="remaining">0</b>' in desk.get(page_of(event)).content.decode()
    event.options.create(name="Enfant", price=500)
    assert state_of(event, timezone.now()) is State.ON_SALE
    assert '<b data-part="remaining">∞</b>' in desk.get(page_of(event)).content.decode()


def test_another_time_zone_moves_the_moment_and_not_the_clock() -> None:
    desk = organiser()
    save(desk, None, **TYPED)
    event = Event.objects.get()
    assert save(desk, event, time_zone="America/New_York").status_code == 302
    assert fresh(event).starts_at == datetime(2029, 7, 3, 14, tzinfo=NEW_YORK)


def test_saving_without_a_change_changes_nothing() -> None:
    at = timezone.now()
    event = make_event(sales_end_at=at, starts_at=at, ends_at=at, price=1250)
    before = Event.objects.filter(pk=event.pk).values().get()
    assert save(organiser(), event).status_code == 302
    assert Event.objects.filter(pk=event.pk).values().get() == before


@pytest.mark.parametrize(("language", "price"), [("en", "12.50"), ("fr", "12,50")])
def test_the_price_is_shown_as_it_is_typed(language: str, price: str) -> None:
    body = organiser(language).get(page_of(make_event(price=1250))).content.decode()
    assert f'name="price" value="{price}"' in body


def test_a_mistake_in_the_price_leaves_what_was_typed() -> None:
    answer = save(organiser(), None, **TYPED | {"price": "twelve"})
    assert "Write an amount such as 12.50." in text_of(answer)
    assert 'value="twelve"' in answer.content.decode()


def test_a_draft_is_published_and_taken_back() -> None:
    desk, event = organiser(), make_event(status="draft")
    assert "can register until" in asked(desk, event, "publish")
    assert "The event is published." in done(desk, event, "publish")
    assert fresh(event).status == "published"
    register(event, people=2)
    assert "2 places are taken, and stay so." in asked(desk, event, "unpublish")
    assert "The event is a draft again." in done(desk, event, "unpublish")
    assert (fresh(event).status, event.held) == ("draft", 2)


def test_a_draft_of_the_past_is_not_published() -> None:
    begun = timezone.now() - timedelta(days=1)
    event = make_event(status="draft", starts_at=begun)
    assert "correct the dates first" in done(organiser(), event, "publish")
    assert fresh(event).status == "draft"


def test_sales_are_closed_and_opened_again() -> None:
    desk, event = organiser(), make_event()
    assert "Registration is closed." in done(desk, event, "close-sales")
    assert state_of(fresh(event), timezone.now()) is State.CLOSED
    assert "Closed" in listed(desk, Event)
    assert "Registration is open again." in done(desk, event, "open-sales")
    assert state_of(fresh(event), timezone.now()) is State.ON_SALE


def test_a_stale_page_does_not_open_again_what_was_closed_meanwhile() -> None:
    desk, event = organiser(), make_event(price=1250)
    read = shown(desk, event)
    done(desk, event, "close-sales")
    closed = fresh(event).sales_end_at
    answer = desk.post(page_of(event), read | {"title": "Kermesse"})
    assert answer.status_code == 200
    page = text_of(answer)
    assert "Something has changed meanwhile. Please look again." in page
    assert f"What stands there now: {event.title}" in page  # and what was typed stays in the field
    assert 'value="Kermesse"' in answer.content.decode()
    assert page.count("What stands there now") == 2
    assert fresh(event).sales_end_at == closed
    # Having looked, one may still say so.
    again = read | {"title": "Kermesse", "seen": answer.context["seen"]}
    assert desk.post(page_of(event), again).status_code == 302
    assert (fresh(event).title, fresh(event).sales_end_at) == ("Kermesse", None)


def test_the_same_in_another_language_is_no_change() -> None:
    event = make_event(price=1250)
    french, english = (shown(organiser(language), event) for language in ("fr", "en"))
    assert (french["price"], english["price"]) == ("12,50", "12.50")
    assert french["seen"] == english["seen"]


def test_an_option_that_a_colleague_changed_makes_a_page_stale() -> None:
    desk, event = organiser(), make_event()
    option = event.options.create(name="Enfant", price=500)
    read = shown(desk, event)
    event.options.update(price=700)
    page = text_of(desk.post(page_of(event), read))
    assert "Please look again." in page
    assert "What stands there now: 7.00" in page
    option.refresh_from_db()
    assert option.price == 700


def test_who_registers_meanwhile_makes_no_page_stale() -> None:
    desk, event = organiser(), make_event()
    read = shown(desk, event)
    register(event)
    assert desk.post(page_of(event), read | {"title": "Kermesse"}).status_code == 302
    assert fresh(event).title == "Kermesse"


def test_whoever_was_slower_is_told_so() -> None:
    desk, event = organiser(), make_event()
    answer = {"seen": fingerprint(desk, event, "close-sales")}
    done(desk, event, "close-sales")
    page = text_of(desk.post(address(event, "close-sales"), answer, follow=True))
    assert "Registration is not open." in page


def test_a_copy_has_everything_but_the_registrations() -> None:
    desk = organiser()
    event = make_event(
        title="Fête",
        description="Venez",
        location="Cour",
        starts_at=datetime(2029, 3, 20, 9, tzinfo=ZoneInfo("Europe/Paris")),
        ends_at=datetime(2029, 3, 20, 17, tzinfo=ZoneInfo("Europe/Paris")),
        sales_end_at=datetime(2029, 3, 18, 12, tzinfo=ZoneInfo("Europe/Paris")),
        late_payment="review",
    )
    paid(event)
    page = done(desk, event, "duplicate", title="Fête 2030", starts_at="2030-04-02T10:00")
    assert "This is the new draft." in page
    copy = Event.objects.exclude(pk=event.pk).get()
    assert (copy.title, copy.status, copy.confirmed) == ("Fête 2030", "draft", 0)
    kept = ("description", "location", "price", "currency", "capacity", "late_payment")
    assert [getattr(copy, name) for name in kept] == [getattr(event, name) for name in kept]
    assert copy.slug != event.slug
    # By the clock on the wall, though the clocks were put forward in between.
    zone = ZoneInfo("Europe/Paris")
    assert copy.ends_at == datetime(2030, 4, 2, 18, tzinfo=zone)
    assert copy.sales_end_at == datetime(2030, 3, 31, 13, tzinfo=zone)


def test_a_copy_of_an_event_without_a_limit_and_with_stopped_sales_is_clean() -> None:
    event = make_event(capacity=None, sales_stopped_at=timezone.now(), sales_stopped_reason="x")
    copy = duplicate(event, "Again", event.starts_at + timedelta(days=7))
    assert (copy.capacity, copy.sales_stopped_at, copy.sales_stopped_reason) == (None, None, "")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"title": "", "starts_at": "2030-04-02T10:00"}, "This field is required."),
        ({"title": "x", "starts_at": "soon"}, "Enter a valid date/time."),
    ],
)
def test_a_copy_needs_a_title_and_a_date(said: dict[str, str], told: str) -> None:
    event = make_event()
    assert told in done(organiser(), event, "duplicate", **said)
    assert Event.objects.count() == 1


@pytest.mark.parametrize("deed", ["publish", "unpublish", "close-sales", "open-sales", "duplicate"])
def test_whoever_may_only_read_does_nothing(deed: str) -> None:
    event = make_event()
    assert reader().post(address(event, deed)).status_code == 403


def test_an_events_page_tells_all_at_a_glance() -> None:
    event = make_event(price=1000, capacity=10)
    paid(event)
    register(event, people=2)
    body = organiser().get(page_of(event)).content.decode()
    page = seen(organiser("fr"), event)
    assert 'viewBox="0 0 10 1"' in body
    assert f'data-places="{event.pk}"' in body
    assert "Confirmées 1 Retenues 2 Libres 7 sur 10" in page
    assert "Montant encaissé 10,00 €" in page.replace("\u00a0", " ")
    for way in (
        reverse("desk:attendance", args=[event.pk]),
        reverse("desk:export", args=["registrations", "xlsx"]),
        event.get_absolute_url(),
    ):
        assert f'href="{way}' in body


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({}, State.ON_SALE),
        ({"status": "draft"}, State.DRAFT),
        ({"status": "cancelled"}, State.CANCELLED),
        ({"capacity": 0}, State.SOLD_OUT),
        ({"sales_stopped_at": datetime(2026, 1, 1, tzinfo=UTC)}, State.STOPPED),
        ({"sales_end_at": datetime(2026, 1, 1, tzinfo=UTC)}, State.CLOSED),
        (
            {
                "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
                "ends_at": datetime(2026, 1, 2, tzinfo=UTC),
            },
            State.OVER,
        ),
    ],
)
def test_each_state_says_what_to_do(said: dict[str, Any], state: State) -> None:
    event = make_event(**said)
    assert state_of(event, timezone.now()) is state
    with translation.override("en"):
        assert str(state.help) in seen(organiser(), event)


def test_a_draft_is_seen_as_families_will_see_it_and_by_nobody_else() -> None:
    event = make_event(title="Bal", status="draft")
    desk = organiser()
    way = reverse("desk:preview", args=[event.pk])
    assert f'href="{way}"' in desk.get(page_of(event)).content.decode()
    answer = desk.get(way)
    assert "This is a preview" in text_of(answer)
    assert "Bal" in text_of(answer)
    assert " inert>" in answer.content.decode()
    assert fresh(event).status == "draft"
    assert "/admin/login/" in Client().get(way)["Location"]
    assert Client().get(event.get_absolute_url()).status_code == 404


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("currency", "abc", "There is no such currency"),
        ("price", "0.49", "By card no less than 0.50"),
        ("sales_end_at", "2029-07-03T19:01", "Registration can’t close after the event"),
        ("refund_until", "2029-07-03T19:01", "Money can’t be promised back after the event"),
    ],
)
def test_what_would_go_wrong_later_is_refused_beside_its_field(
    field: str, typed: str, said: str
) -> None:
    answer = save(organiser(), None, **TYPED | {field: typed})
    assert answer.status_code == 200
    assert said in str(answer.context["adminform"].form.errors[field])
    assert not Event.objects.exists()


def test_a_currency_that_somebody_registered_in_stays() -> None:
    desk, event = organiser(), make_event(price=1250)
    assert save(desk, event, currency="chf").status_code == 302
    register(fresh(event))
    answer = save(desk, event, currency="jpy", price="1250")
    assert "is not changed any more" in str(answer.context["adminform"].form.errors["currency"])
    assert fresh(event).currency == "chf"
    assert save(desk, event, currency="CHF", title="Bal").status_code == 302
    assert (fresh(event).currency, event.title) == ("chf", "Bal")


def test_what_no_card_can_pay_may_be_paid_in_cash() -> None:
    said = TYPED | {"price": "0.49", "payment_methods": ["cash"]}
    assert save(organiser(), None, **said).status_code == 302
    assert Event.objects.get().price == 49


def test_nobody_registers_for_what_is_over() -> None:
    now = timezone.now()
    over = {"starts_at": now - timedelta(days=2), "ends_at": now - timedelta(days=1)}
    event = make_event(sales_end_at=now + timedelta(days=1), **over)
    assert not event.is_on_sale(now)
    assert event.sales_close_at == event.ends_at


def test_closing_says_that_the_waiting_list_ends_too() -> None:
    event = make_event(capacity=1)

    def told() -> list[str]:
        with translation.override("en"):
            return [
                one for one in CloseSales().prospect(fresh(event)).consequences if "list" in one
            ]

    assert told() == []
    Event.objects.filter(pk=event.pk).update(waiting=3)
    (line,) = told()
    assert "3 places" in line


def test_a_long_sale_is_drawn_for_its_last_months() -> None:
    event = make_event()
    long_ago = register(event)
    long_ago.created_at = timezone.now() - timedelta(days=400)
    long_ago.save(update_fields=["created_at"])
    register(event)
    body = organiser().get(page_of(event)).content.decode()
    assert f'<svg viewBox="0 0 {MOST_DAYS} 100"' in body
