"""A place has a price that its participant chose, and a price may be for a few only."""

import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from inscrit.events.models import Event, PriceOption
from inscrit.monitoring import audit
from inscrit.payments import checkout, stripe_gateway
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutExpired,
    Fact,
    MarkedPaid,
    PaymentSucceeded,
)
from inscrit.registrations.models import PaymentMethod, Registration
from inscrit.registrations.services import Contact, Order, Person
from inscrit.watchdog import places

from .conftest import pay

pytestmark = pytest.mark.django_db(transaction=True)


def make_event(**said: object) -> Event:
    starts = timezone.now() + timedelta(days=60)
    defaults = {
        "title": "Sortie",
        "starts_at": starts,
        "ends_at": starts + timedelta(days=1),
        "price": 1000,
        "status": "published",
    }
    return Event.objects.create(**(defaults | said))


def price(event: Event, name: str, amount: int, quota: int | None = None) -> PriceOption:
    return PriceOption.objects.create(event=event, name=name, price=amount, quota=quota)


def order(event: Event, *options: PriceOption | None, locale: str = "fr", **more: Any) -> Order:
    people = [Person(f"P{n}", "Test", one.pk if one else None) for n, one in enumerate(options)]
    return Order(event.pk, Contact("Parent", "parent@example.org", locale), people, **more)


def tell(registration: Registration, *facts: Fact) -> Registration:
    for fact in facts:
        services.report(Report(fact, "test", registration.pk))
    registration.refresh_from_db()
    return registration


def taken(option: PriceOption) -> int:
    option.refresh_from_db()
    return option.taken


# What it costs


def test_a_registration_costs_what_its_participants_chose() -> None:
    event = make_event()
    adult, child = price(event, "Adulte", 1500), price(event, "Enfant", 800)
    made = services.hold_places(order(event, adult, child, child))
    assert (made.amount, made.places, made.status) == (3100, 3, "PENDING")
    assert [(one.option_name, one.price) for one in made.participants.all()] == [
        ("Adulte", 1500),
        ("Enfant", 800),
        ("Enfant", 800),
    ]
    assert (taken(adult), taken(child)) == (1, 2)


def test_all_at_no_price_is_confirmed_at_once() -> None:
    event = make_event()
    price(event, "Adulte", 1500)
    baby = price(event, "Moins de 3 ans", 0)
    made = services.hold_places(order(event, baby, baby))
    assert (made.status, made.amount) == ("FREE", 0)
    assert made.messages.get().kind == "confirmed"


def test_the_only_price_need_not_be_named() -> None:
    event = make_event()
    only = price(event, "Adhérent", 700)
    assert services.hold_places(order(event, None)).amount == 700
    assert taken(only) == 1


def test_a_price_that_is_missing_unknown_retired_or_anothers_is_named() -> None:
    event = make_event()
    price(event, "Adulte", 1500)
    price(event, "Enfant", 800)
    retired = price(event, "Ancien", 500)
    PriceOption.objects.filter(pk=retired.pk).update(active=False)
    others = price(make_event(), "Autre", 1)
    with pytest.raises(services.Unacceptable) as caught:
        services.hold_places(order(event, None, retired, others, PriceOption(id="opt-none")))
    assert [one.path for one in caught.value.mistakes] == [
        ("participants", n, "option") for n in range(4)
    ]
    assert not Registration.objects.exists()


def test_an_event_without_prices_knows_no_option() -> None:
    with pytest.raises(services.Unacceptable):
        services.hold_places(order(make_event(), PriceOption(id="opt-none")))


def test_the_name_is_kept_in_the_registrants_language() -> None:
    event = make_event()
    child = PriceOption.objects.create(event=event, name="Enfant", other_name="Child", price=800)
    made = services.hold_places(order(event, child, locale="en"))
    assert made.participants.get().option_name == "Child"


# At Stripe


def test_checkout_has_a_line_for_each_price_and_their_sum(stripe: str) -> None:
    event = make_event()
    adult, child = price(event, "Adulte", 1500), price(event, "Enfant", 800)
    baby = price(event, "Bébé", 0)
    made = services.hold_places(order(event, child, adult, child, baby))
    url = async_to_sync(checkout.open_checkout)(made.pk)
    session_id = made.sessions.get().stripe_id
    items = httpx.get(
        f"{stripe}/v1/checkout/sessions/{session_id}/line_items",
        headers={"authorization": "Bearer sk_test_x"},
    ).raise_for_status()
    found = {(one["description"], one["quantity"]) for one in items.json()["data"]}
    assert found == {("Sortie · Enfant", 2), ("Sortie · Adulte", 1), ("Sortie · Bébé", 1)}
    pay(url)
    async_to_sync(checkout.confirm_return)(made.pk)
    made.refresh_from_db()
    assert (made.status, made.payments.get().amount) == ("PAID", 3100)


def test_what_was_asked_of_stripe_is_repeated_to_the_letter_after_prices_changed(
    stripe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make_event()
    child = price(event, "Enfant", 800)
    made = services.hold_places(order(event, child, child))
    asked: list[Any] = []
    create = stripe_gateway.create_session

    async def seen(params: Any, key: str) -> stripe_gateway.SessionState:
        asked.append((params, key))
        return await create(params, key)

    monkeypatch.setattr(stripe_gateway, "create_session", seen)
    url = async_to_sync(checkout.open_checkout)(made.pk)
    # As if the process had died before it stored Stripe's answer; then the organiser was at work.
    made.sessions.update(stripe_id=None, url="", status="opening")
    PriceOption.objects.update(price=950, name="Enfant (nouveau tarif)", active=False)
    Event.objects.update(price=1)
    assert async_to_sync(checkout.open_checkout)(made.pk) == url
    assert asked[0] == asked[1]
    made.refresh_from_db()
    assert made.amount == 1600


# How many


def test_two_buyers_and_one_last_place_at_a_price() -> None:
    event = make_event(capacity=50)
    child, sibling = price(event, "Enfant", 800), price(event, "Fratrie", 600, quota=3)
    seated: list[str] = []
    told: list[tuple[int, str]] = []

    def buy() -> None:
        try:
            seated.append(services.hold_places(order(event, child, sibling)).pk)
        except services.SoldOut as sold_out:
            told.append((sold_out.remaining, str(sold_out.option)))
        finally:
            connection.close()

    buyers = [threading.Thread(target=buy) for _ in range(12)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    event.refresh_from_db()
    assert len(seated) == 3
    assert told == [(0, "Fratrie")] * 9
    assert (event.held, taken(child), taken(sibling)) == (6, 3, 3)


def test_two_prices_taken_in_any_order_never_block_each_other() -> None:
    event = make_event()
    one, other = price(event, "A", 100, quota=100), price(event, "B", 100, quota=100)
    failures: list[Exception] = []

    def buy(*options: PriceOption) -> None:
        try:
            for _ in range(5):
                made = services.hold_places(order(event, *options))
                services.report(Report(CancelRequested(True), "test", made.pk))
        except Exception as error:  # noqa: BLE001 - any of them fails the test
            failures.append(error)
        finally:
            connection.close()

    orders = [(one, other), (other, one)] * 3
    buyers = [threading.Thread(target=buy, args=options) for options in orders]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    assert failures == []
    assert (taken(one), taken(other)) == (0, 0)


@pytest.mark.parametrize("end", [CheckoutExpired(None), CancelRequested(refund=False)])
def test_who_gives_up_gives_the_price_back(end: Fact) -> None:
    event = make_event()
    only = price(event, "Fratrie", 600, quota=1)
    made = services.hold_places(order(event, only))
    with pytest.raises(services.SoldOut):
        services.hold_places(order(event, only))
    tell(made, end)
    assert taken(only) == 0
    assert services.hold_places(order(event, only)).status == "PENDING"


def late(registration: Registration) -> PaymentSucceeded:
    return PaymentSucceeded(f"pi_{registration.pk}", registration.amount, "eur", livemode=False)


def test_a_late_payment_is_seated_only_while_its_price_has_room() -> None:
    event = make_event()
    only = price(event, "Fratrie", 600, quota=1)
    first = tell(services.hold_places(order(event, only)), CheckoutExpired(None))
    assert tell(first, late(first)).status == "PAID"
    assert taken(only) == 1
    tell(first, CancelRequested(refund=True))
    second = tell(services.hold_places(order(event, only)), CheckoutExpired(None))
    services.hold_places(order(event, only))
    tell(second, late(second))
    assert second.status == "EXPIRED"
    assert second.journal.last().reason == "late_payment_refunded"  # type: ignore[union-attr]
    assert taken(only) == 1


def test_two_late_payments_in_one_batch_for_one_place_seat_one() -> None:
    event = make_event()
    only = price(event, "Fratrie", 600, quota=1)
    lapsed = [
        tell(services.hold_places(order(event, only)), CheckoutExpired(None)) for _ in range(2)
    ]
    services.report(*[Report(late(one), "test", one.pk) for one in lapsed])
    statuses = sorted(Registration.objects.values_list("status", flat=True))
    assert (statuses, taken(only)) == (["EXPIRED", "PAID"], 1)


def test_a_cheque_that_came_late_is_not_marked_paid_beyond_the_quota() -> None:
    event = make_event()
    only = price(event, "Fratrie", 600, quota=1)
    made = services.hold_places(order(event, only, method=PaymentMethod.CHEQUE))
    tell(made, CheckoutExpired(None))
    services.hold_places(order(event, only))
    assert tell(made, MarkedPaid()).status == "EXPIRED"
    assert taken(only) == 1


def test_the_database_itself_refuses_more_than_the_quota() -> None:
    option = price(make_event(), "Fratrie", 600, quota=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceOption.objects.filter(pk=option.pk).update(taken=2)


def test_a_price_that_somebody_has_is_not_deleted() -> None:
    event = make_event()
    only = price(event, "Fratrie", 600)
    services.hold_places(order(event, only))
    with pytest.raises(ProtectedError):
        only.delete()


# When it is counted wrong


def test_a_price_counted_wrong_stops_sales_and_is_counted_again() -> None:
    event = make_event()
    only = price(event, "Fratrie", 600, quota=5)
    services.hold_places(order(event, only, only))
    PriceOption.objects.update(taken=0)
    assert [one.check for one in audit.run().breaches] == ["option_counters_differ"]
    assert places.stop_sales(event.pk, "miscounted")
    with pytest.raises(places.CountersDiffer):
        places.open_sales(event.pk)
    assert places.count_again(event.pk)
    assert taken(only) == 2
    assert audit.run().breaches == []
    places.open_sales(event.pk)


def test_counting_again_says_when_a_price_is_oversold() -> None:
    event = make_event()
    only = price(event, "Fratrie", 600, quota=2)
    services.hold_places(order(event, only, only))
    PriceOption.objects.update(taken=0, quota=1)
    with pytest.raises(places.WouldOversell, match="Fratrie"):
        places.count_again(event.pk)
