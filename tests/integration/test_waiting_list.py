"""The waiting list of an event that is sold out: in order, nobody twice, nobody overtaken."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import Error, connection, transaction
from django.utils import timezone

from inscrit.events.models import Event
from inscrit.mail.models import Message, Sending
from inscrit.payments import cancelling, checkout, tasks
from inscrit.registrations import services as registrations
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CheckoutExpired, OfferAccepted
from inscrit.registrations.models import Registration
from inscrit.registrations.services import Contact, Order, Person
from inscrit.waiting import services
from inscrit.waiting.models import State, WaitingEntry
from inscrit.watchdog import services as watchdog

from .at_stripe import work
from .conftest import pay
from .desk import listed, organiser
from .test_holding_places import make_event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


def order(event: Event, people: int = 1, name: str = "Parent") -> Order:
    persons = [Person(f"P{n}", "Test") for n in range(people)]
    return Order(event.pk, Contact(name, f"{name.lower()}@example.org", "fr"), persons)


def sold_out(places: int = 2, **said: object) -> tuple[Event, Registration]:
    """An event and the registration that has all of it."""
    event = make_event(capacity=places, **said)
    return event, registrations.hold_places(order(event, places, "First"))


def wait(event: Event, people: int = 1, name: str = "Wanda") -> WaitingEntry:
    return services.join(order(event, people, name))


def cancel(registration: Registration) -> None:
    async_to_sync(cancelling.cancel)(registration.pk, refund=True, actor="registrant")


def lapse(registration: Registration) -> None:
    """The time that was promised is over."""
    then = timezone.now() - timedelta(minutes=5)
    Registration.objects.filter(pk=registration.pk).update(hold_expires_at=then, offered_until=then)


def sweep() -> None:
    async_to_sync(tasks.sweep_lapsed_holds.func)(0)


def offer_of(entry: WaitingEntry) -> Registration:
    entry.refresh_from_db()
    assert entry.registration is not None
    return entry.registration


def told(entry: WaitingEntry) -> list[str]:
    """The mails to somebody who waits, in order."""
    of_entry = Message.objects.filter(waiting=entry) | Message.objects.filter(
        registration__waiting_entry=entry
    )
    return list(of_entry.order_by("pk").values_list("kind", flat=True))


def counters(event: Event) -> tuple[int, int, int]:
    event.refresh_from_db()
    return event.confirmed, event.held, event.waiting


def test_whoever_waits_has_a_position_and_is_told_so() -> None:
    event, _first = sold_out()
    one, two = wait(event), wait(event, 2, "Zoe")
    assert (one.position, two.position) == (1, 2)
    assert told(one) == ["waiting_joined"]
    assert counters(event) == (0, 2, 3)
    assert one.journal.get().what == "joined"


def test_a_place_that_comes_free_is_offered_to_the_first_with_time_to_pay() -> None:
    event, first = sold_out(1)
    one, two = wait(event), wait(event, 1, "Zoe")
    cancel(first)
    assert work("upkeep") == ["serve"]
    offered = offer_of(one)
    assert (offered.status, offered.places, offered.amount) == ("PENDING", 1, 1000)
    assert offered.hold_expires_at == offered.offered_until
    assert offered.offered_until is not None
    left = offered.offered_until - timezone.now()
    assert timedelta(hours=23, minutes=50) < left <= timedelta(hours=24)
    assert offered.journal.get().reason == "place_offered"
    assert [str(person) for person in offered.participants.all()] == ["P0 Test"]
    assert told(one) == ["waiting_joined", "place_offered"]
    assert (two.position, told(two)) == (1, ["waiting_joined"])
    assert counters(event) == (0, 1, 1)


def test_an_offer_ends_with_sales_at_the_latest_and_takes_the_events_own_hours() -> None:
    now = timezone.now()
    event = make_event(sales_end_at=now + timedelta(hours=5), offer_hours=6)
    assert services.offered_until(event, now) == event.sales_end_at
    event.offer_hours = 2
    assert services.offered_until(event, now) == now + timedelta(hours=2)


def test_an_offer_not_taken_in_time_is_handed_on_and_the_person_is_told() -> None:
    event, first = sold_out(1)
    one, two = wait(event), wait(event, 1, "Zoe")
    cancel(first)
    work("upkeep")
    lapse(offer_of(one))
    sweep()
    work("upkeep")
    assert offer_of(one).status == "EXPIRED"
    assert offer_of(one).journal.last().reason == "offer_lapsed"  # type: ignore[union-attr]
    assert told(one) == ["waiting_joined", "place_offered", "offer_lapsed"]
    assert offer_of(two).status == "PENDING"
    assert counters(event) == (0, 1, 0)


def test_a_declined_offer_is_handed_on_at_once() -> None:
    event, first = sold_out(1)
    one, two = wait(event), wait(event, 1, "Zoe")
    cancel(first)
    work("upkeep")
    cancel(offer_of(one))
    work("upkeep")
    assert offer_of(one).status == "CANCELLED"
    assert offer_of(two).status == "PENDING"


def test_more_places_serve_as_many_as_fit() -> None:
    event, _first = sold_out(1)
    entries = [wait(event, 1, name) for name in ("Ana", "Bob", "Cleo")]
    Event.objects.filter(pk=event.pk).update(capacity=3)
    work("upkeep")
    assert [offer_of(one).status for one in entries[:2]] == ["PENDING", "PENDING"]
    assert entries[2].position == 1
    assert counters(event) == (0, 3, 1)


def test_who_fits_is_not_held_up_by_who_needs_more_and_these_keep_their_number() -> None:
    event, _first = sold_out(2)
    family, single = wait(event, 2, "Family"), wait(event, 1, "Single")
    Event.objects.filter(pk=event.pk).update(capacity=3)
    work("upkeep")
    assert offer_of(single).status == "PENDING"
    assert family.position == 1
    Event.objects.filter(pk=event.pk).update(capacity=5)
    work("upkeep")
    assert offer_of(family).places == 2


def test_nobody_who_comes_by_overtakes_those_who_wait() -> None:
    event, first = sold_out(2)
    wait(event, 2)
    cancel(first)
    with pytest.raises(registrations.SoldOut) as caught:
        registrations.hold_places(order(event, 1, "Passer"))
    assert caught.value.remaining == 0
    Event.objects.filter(pk=event.pk).update(capacity=3)
    assert registrations.hold_places(order(event, 1, "Passer")).status == "PENDING"
    work("upkeep")
    assert counters(event) == (0, 3, 0)


def test_a_request_that_nothing_can_serve_now_does_not_close_the_sale() -> None:
    event = make_event(capacity=100)
    for number in range(27):
        registrations.hold_places(order(event, 3, f"First{number}"))
    school = wait(event, 20, "School")
    event.refresh_from_db()
    assert (event.waiting, event.remaining) == (20, 19)
    passer = registrations.hold_places(order(event, 2, "Passer"))
    with pytest.raises(services.PlacesLeft):
        wait(event, 17)
    cancel(passer)
    Event.objects.filter(pk=event.pk).update(capacity=102)
    event.refresh_from_db()
    assert event.remaining == 1
    with pytest.raises(registrations.SoldOut) as caught:
        registrations.hold_places(order(event, 2, "Other"))
    assert caught.value.remaining == 1
    work("upkeep")
    assert offer_of(school).places == 20
    assert counters(event) == (0, 101, 0)


def test_buyers_at_one_moment_leave_those_who_wait_their_places() -> None:
    event, first = sold_out(4)
    entry = wait(event, 2)
    cancel(first)
    sold, start = [], threading.Barrier(6)

    def buy(number: int) -> None:
        start.wait()
        with suppress(registrations.SoldOut):
            sold.append(registrations.hold_places(order(event, 1, f"Passer{number}")).pk)
        connection.close()

    buyers = [threading.Thread(target=buy, args=(number,)) for number in range(6)]
    for one in buyers:
        one.start()
    for one in buyers:
        one.join()
    assert len(sold) == 2
    assert counters(event) == (0, 2, 2)
    work("upkeep")
    assert offer_of(entry).places == 2


def test_a_late_payment_gets_its_place_back_before_those_who_wait(stripe: str) -> None:
    event, first = sold_out(1)
    url = async_to_sync(checkout.open_checkout)(first.pk)
    entry = wait(event)
    session = first.sessions.get()
    registrations.report(Report(CheckoutExpired(session.stripe_id), "test", first.pk))
    pay(url)
    async_to_sync(checkout.confirm_return)(first.pk)
    first.refresh_from_db()
    assert first.status == "PAID"
    work("upkeep")
    assert entry.position == 1
    assert counters(event) == (1, 0, 1)


def test_a_free_event_confirms_when_the_offer_is_accepted() -> None:
    event, first = sold_out(1, price=0)
    one = wait(event)
    cancel(first)
    work("upkeep")
    offered = offer_of(one)
    assert (offered.status, offered.amount) == ("PENDING", 0)
    with pytest.raises(checkout.NothingToPay):
        async_to_sync(checkout.open_checkout)(offered.pk)
    registrations.report(Report(OfferAccepted(), "registrant", offered.pk))
    assert offer_of(one).status == "FREE"
    assert told(one)[-1] == "confirmed"
    assert counters(event) == (1, 0, 0)


def test_an_offer_survives_a_payment_page_that_was_opened_and_left(stripe: str) -> None:
    event, first = sold_out(1)
    one = wait(event)
    cancel(first)
    work("upkeep")
    offered = offer_of(one)
    promised = offered.offered_until
    async_to_sync(checkout.open_checkout)(offered.pk)
    offered.refresh_from_db()
    assert offered.hold_expires_at == promised
    session = offered.sessions.get()
    for _ in range(2):  # Stripe tells twice
        registrations.report(Report(CheckoutExpired(session.stripe_id), "webhook", offered.pk))
    assert offer_of(one).status == "PENDING"
    assert counters(event) == (0, 1, 0)
    reasons = list(offered.journal.values_list("reason", flat=True))
    assert reasons == ["place_offered", "offer_stands"]
    pay(async_to_sync(checkout.open_checkout)(offered.pk))
    async_to_sync(checkout.confirm_return)(offered.pk)
    assert offer_of(one).status == "PAID"


def test_a_payment_begun_at_the_last_minute_is_not_cut_short(stripe: str) -> None:
    event, first = sold_out(1)
    one = wait(event)
    cancel(first)
    work("upkeep")
    offered = offer_of(one)
    soon = timezone.now() + timedelta(minutes=2)
    Registration.objects.filter(pk=offered.pk).update(hold_expires_at=soon, offered_until=soon)
    url = async_to_sync(checkout.open_checkout)(offered.pk)
    offered.refresh_from_db()
    assert offered.hold_expires_at is not None
    assert offered.hold_expires_at > timezone.now() + timedelta(minutes=30)
    # The promise is over, the payment page is not.
    Registration.objects.filter(pk=offered.pk).update(
        offered_until=timezone.now() - timedelta(minutes=3)
    )
    sweep()
    assert offer_of(one).status == "PENDING"
    pay(url)
    async_to_sync(checkout.confirm_return)(offered.pk)
    assert offer_of(one).status == "PAID"


def test_when_the_payment_page_ends_after_the_promise_the_place_is_handed_on(stripe: str) -> None:
    event, first = sold_out(1)
    one, two = wait(event), wait(event, 1, "Zoe")
    cancel(first)
    work("upkeep")
    offered = offer_of(one)
    async_to_sync(checkout.open_checkout)(offered.pk)
    lapse(offered)
    session = offered.sessions.get()
    registrations.report(Report(CheckoutExpired(session.stripe_id), "webhook", offered.pk))
    work("upkeep")
    assert (offer_of(one).status, offer_of(two).status) == ("EXPIRED", "PENDING")


def test_stripes_silence_does_not_take_an_offer_away(stripe_at: Any) -> None:
    event, first = sold_out(1)
    one = wait(event)
    cancel(first)
    work("upkeep")
    stripe_at("http://127.0.0.1:9")
    with pytest.raises(checkout.CheckoutNotOpened):
        async_to_sync(checkout.open_checkout)(offer_of(one).pk)
    assert offer_of(one).status == "PENDING"
    assert counters(event) == (0, 1, 0)


def test_who_leaves_gives_the_turn_to_the_next() -> None:
    event, _first = sold_out(2)
    family, single = wait(event, 2, "Family"), wait(event, 1, "Single")
    services.leave(family.pk)
    assert single.position == 1
    assert counters(event) == (0, 2, 1)
    with pytest.raises(services.NotWaiting):
        services.leave(family.pk)
    assert list(family.journal.values_list("what", flat=True)) == ["joined", "left"]


def test_nobody_waits_twice_with_one_address() -> None:
    event, first = sold_out(1)
    entry = wait(event)
    with pytest.raises(services.AlreadyWaiting):
        wait(event, 1, "WANDA")
    cancel(first)
    work("upkeep")
    with pytest.raises(services.AlreadyWaiting):
        wait(event)
    cancel(offer_of(entry))
    registrations.hold_places(order(event, 1, "Passer"))
    assert wait(event).position == 1


def test_who_asks_to_wait_again_gets_the_link_by_mail_once_a_day() -> None:
    event, first = sold_out(1)
    for name in ("Wanda", "WANDA", "wanda"):
        services.ask_to_join(order(event, 1, name))
    entry = WaitingEntry.objects.get()
    assert told(entry) == ["waiting_joined", "waiting_again"]
    assert counters(event) == (0, 1, 1)
    Message.objects.filter(kind="waiting_again").update(key="of another day")
    cancel(first)
    work("upkeep")
    services.ask_to_join(order(event, 1, "Wanda"))
    assert told(entry) == ["waiting_joined", "waiting_again", "place_offered", "waiting_again"]


def test_what_is_wrong_with_a_wish_to_wait_is_told_to_everybody_alike() -> None:
    event, _first = sold_out(1)
    wait(event)
    with pytest.raises(services.NeverEnough):
        services.ask_to_join(order(event, 2, "Wanda"))
    assert not Message.objects.filter(kind="waiting_again").exists()


def test_waiting_is_refused_where_it_makes_no_sense() -> None:
    event = make_event(capacity=2)
    with pytest.raises(services.PlacesLeft) as left:
        wait(event)
    assert left.value.remaining == 2
    with pytest.raises(services.NeverEnough):
        wait(event, 3)
    with pytest.raises(services.PlacesLeft):
        wait(make_event(capacity=None))
    with pytest.raises(registrations.SalesClosed):
        wait(make_event(capacity=0, status="cancelled"))
    with pytest.raises(Event.DoesNotExist):
        services.join(Order("ev-none", Contact("A", "a@example.org", "fr"), [Person("A", "B")]))
    assert not WaitingEntry.objects.exists()


def test_a_cancelled_event_closes_its_list_and_tells_those_who_wait() -> None:
    event, _first = sold_out(1)
    one, two = wait(event), wait(event, 1, "Zoe")
    async_to_sync(cancelling.cancel_event)(event.pk, actor="admin:test")
    assert "serve" in work("upkeep")
    for entry in (one, two):
        entry.refresh_from_db()
        assert (entry.state, told(entry)) == (State.CLOSED, ["waiting_joined", "waiting_closed"])
    assert counters(event) == (0, 0, 0)


def test_when_sales_close_the_sweep_closes_the_list() -> None:
    event, _first = sold_out(1)
    entry = wait(event)
    Event.objects.filter(pk=event.pk).update(sales_end_at=timezone.now())
    _sweep_lists()
    entry.refresh_from_db()
    assert (entry.state, told(entry)[-1]) == (State.CLOSED, "waiting_closed")
    _sweep_lists()
    assert told(entry) == ["waiting_joined", "waiting_closed"]


def _sweep_lists() -> None:
    from inscrit.waiting.tasks import sweep_waiting_lists

    async_to_sync(sweep_waiting_lists.func)(0)


def test_the_sweep_hands_on_what_a_lost_job_left_behind() -> None:
    from .at_stripe import forget_jobs

    event, first = sold_out(1)
    entry = wait(event)
    cancel(first)
    forget_jobs()
    _sweep_lists()
    assert offer_of(entry).status == "PENDING"


def test_while_sales_are_stopped_nobody_is_offered_anything() -> None:
    event, first = sold_out(1)
    entry = wait(event)
    Event.objects.filter(pk=event.pk).update(sales_stopped_at=timezone.now())
    cancel(first)
    services.serve(event.pk)
    assert entry.position == 1
    Event.objects.filter(pk=event.pk).update(sales_stopped_at=None)
    work("upkeep")
    assert offer_of(entry).status == "PENDING"


def test_an_organiser_offers_out_of_turn_only_what_is_free() -> None:
    event, first = sold_out(2)
    family, single = wait(event, 2, "Family"), wait(event, 1, "Single")
    with pytest.raises(services.NotFree):
        services.offer_by_hand(single.pk, actor="admin:anna")
    cancel(first)
    services.offer_by_hand(single.pk, actor="admin:anna")
    assert offer_of(single).status == "PENDING"
    assert single.journal.last().what == "offered_by_hand"  # type: ignore[union-attr]
    with pytest.raises(services.NotWaiting):
        services.offer_by_hand(single.pk, actor="admin:anna")
    services.remove(family.pk, actor="admin:anna")
    assert counters(event) == (0, 1, 0)


def test_several_workers_and_passers_by_at_once_never_oversell_and_never_offer_twice() -> None:
    event, first = sold_out(4)
    entries = [wait(event, 1, f"W{n}") for n in range(6)]
    cancel(first)
    bought: list[str] = []

    def serve() -> None:
        services.serve(event.pk)
        connection.close()

    def buy() -> None:
        try:
            bought.append(registrations.hold_places(order(event, 1, "Passer")).pk)
        except registrations.SoldOut:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=serve if n % 2 else buy) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = [WaitingEntry.objects.get(pk=one.pk).state for one in entries]
    assert states == [State.OFFERED] * 4 + [State.WAITING] * 2
    assert bought == []
    assert counters(event) == (0, 4, 2)
    assert Registration.objects.exclude(pk=first.pk).count() == 4


def test_a_worker_killed_half_way_leaves_no_half_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    event, first = sold_out(2)
    one, two = wait(event), wait(event, 1, "Zoe")
    cancel(first)
    noted = services._note
    calls: list[object] = []

    def dies_at_the_second(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        noted(*args)

    monkeypatch.setattr(services, "_note", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        services.serve(event.pk)
    assert offer_of(one).status == "PENDING"
    assert two.position == 1
    assert counters(event) == (0, 1, 1)
    monkeypatch.undo()
    services.serve(event.pk)
    assert offer_of(two).status == "PENDING"
    assert counters(event) == (0, 2, 0)


def test_a_wrong_count_of_the_places_wanted_is_seen_and_mended() -> None:
    event, _first = sold_out(2)
    wait(event)
    Event.objects.filter(pk=event.pk).update(waiting=5)
    assert watchdog.mend_counters() == ([event.pk], [])
    assert counters(event) == (0, 2, 1)
    assert watchdog.mend_counters() == ([], [])


def test_who_waits_is_named_in_the_outbox() -> None:
    event, _first = sold_out(2)
    entry = wait(event)
    page = listed(organiser(), Message)
    assert "On the waiting list" in page
    assert str(entry) in page


def test_the_journal_of_the_list_is_append_only() -> None:
    event, _first = sold_out(1)
    entry = wait(event)
    for change in (lambda: entry.journal.update(actor="me"), lambda: entry.journal.all().delete()):
        with pytest.raises(Error), transaction.atomic():
            change()


def test_names_and_addresses_are_forgotten_a_month_after_the_event() -> None:
    event, _first = sold_out(1)
    entry = services.join(replace(order(event, 1, "Wanda"), idempotency_key="of-her-form"))
    assert (entry.key, len(entry.fingerprint)) == ("of-her-form", 64)
    sent = Message.objects.get(waiting=entry)
    Sending.objects.create(message=sent, recipient=entry.contact_email, text=entry.contact_name)
    services.leave(entry.pk)
    assert services.forget_old() == 0
    assert sent.sendings.count() == 1
    long_ago = timezone.now() - timedelta(days=31)
    Event.objects.filter(pk=event.pk).update(starts_at=long_ago, ends_at=long_ago)
    assert services.forget_old() == 1
    entry.refresh_from_db()
    assert (entry.contact_name, entry.contact_email, entry.participants) == ("", "", [])
    assert (entry.places, entry.key, entry.fingerprint) == (1, "", "")
    assert Message.objects.get(waiting=entry).recipient == ""
    assert not sent.sendings.exists()
    assert services.forget_old() == 0
