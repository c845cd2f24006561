"""Holding places, opening Checkout, and giving holds back; Stripe is the sandbox."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.db.models import F
from django.utils import timezone

from inscrit import ports
from inscrit.events.models import Event
from inscrit.monitoring import metrics
from inscrit.payments import checkout, stripe_gateway, tasks
from inscrit.payments.models import CheckoutSession, Refund
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import RefundRequested
from inscrit.registrations.models import PaymentMethod, Registration
from inscrit.registrations.services import Contact, Order, Person

from .account import Account, register
from .at_stripe import forget_jobs
from .conftest import pay

pytestmark = pytest.mark.django_db(transaction=True)


def make_event(**said: object) -> Event:
    starts = timezone.now() + timedelta(days=3)
    defaults = {
        "title": "Sortie",
        "starts_at": starts,
        "ends_at": starts + timedelta(days=1),
        "price": 1000,
        "capacity": 5,
        "status": "published",
    }
    return Event.objects.create(**(defaults | said))


def order(event: Event, people: int = 1, **more: object) -> Order:
    persons = [Person(f"P{n}", "Test") for n in range(people)]
    contact = Contact("Parent", "parent@example.org", "fr")
    return Order(event.pk, contact, persons, **more)  # type: ignore[arg-type]


def test_twenty_buyers_at_once_for_five_places_seat_exactly_five() -> None:
    event = make_event(capacity=5)
    seated: list[str] = []
    told: list[int] = []

    def buy() -> None:
        try:
            seated.append(services.hold_places(order(event)).pk)
        except services.SoldOut as sold_out:
            told.append(sold_out.remaining)
        finally:
            connection.close()

    buyers = [threading.Thread(target=buy) for _ in range(20)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    event.refresh_from_db()
    assert (len(seated), len(told)) == (5, 15)
    assert (event.held, event.remaining) == (5, 0)


def test_more_participants_than_places_are_told_how_many_are_left() -> None:
    event = make_event(capacity=2)
    with pytest.raises(services.SoldOut) as caught:
        services.hold_places(order(event, people=3))
    assert caught.value.remaining == 2
    assert not Registration.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        {"status": "draft"},
        {"status": "cancelled"},
        {"sales_end_at": timezone.now() - timedelta(minutes=1)},
        {"starts_at": timezone.now() - timedelta(hours=1)},
    ],
)
def test_an_event_that_is_not_on_sale_takes_nobody(said: dict[str, object]) -> None:
    with pytest.raises(services.SalesClosed):
        services.hold_places(order(make_event(**said)))


def test_one_key_used_by_many_at_once_makes_one_registration() -> None:
    event = make_event()
    made: list[str] = []

    def buy() -> None:
        made.append(services.hold_places(order(event, idempotency_key="k1")).pk)
        connection.close()

    buyers = [threading.Thread(target=buy) for _ in range(6)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    assert len(made) == 6
    assert len(set(made)) == 1
    with pytest.raises(services.KeyReused):
        services.hold_places(order(event, people=2, idempotency_key="k1"))


def test_a_free_event_confirms_at_once_and_queues_the_mail() -> None:
    registration = services.hold_places(order(make_event(price=0)))
    assert registration.status == "FREE"
    registration.event.refresh_from_db()
    assert (registration.event.confirmed, registration.event.held) == (1, 0)
    assert registration.messages.get().kind == "confirmed"


def test_a_buyer_who_comes_back_gets_the_same_open_session(stripe: str) -> None:
    registration = services.hold_places(order(make_event()))
    first = async_to_sync(checkout.open_checkout)(registration.pk)
    second = async_to_sync(checkout.open_checkout)(registration.pk)
    assert first == second
    assert first.startswith(stripe)
    assert CheckoutSession.objects.count() == 1


def test_many_who_open_the_same_checkout_at_once_find_one_session(stripe: str) -> None:
    registration = services.hold_places(order(make_event()))

    async def several() -> list[str]:
        return list(
            await asyncio.gather(*(checkout.open_checkout(registration.pk) for _ in range(5)))
        )

    assert len(set(async_to_sync(several)())) == 1
    assert CheckoutSession.objects.count() == 1


def test_if_stripe_cannot_be_reached_the_places_are_given_back(
    stripe_at: Callable[[str], None],
) -> None:
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    event = make_event()
    registration = services.hold_places(order(event))
    with pytest.raises(checkout.CheckoutNotOpened):
        async_to_sync(checkout.open_checkout)(registration.pk)
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.held) == ("CANCELLED", 0)
    assert registration.journal.last().reason == "checkout_unavailable"  # type: ignore[union-attr]


def openings() -> dict[str, float]:
    """How often Stripe was asked to open a payment page, by what became of it."""
    (family,) = metrics.CHECKOUTS.collect()
    return {
        one.labels["result"]: one.value for one in family.samples if one.name.endswith("_total")
    }


def test_payment_pages_are_counted_by_what_became_of_them(
    account: Account, stripe_at: Callable[[str], None]
) -> None:
    before = openings()

    def added() -> dict[str, float]:
        return {result: number - before[result] for result, number in openings().items()}

    register()
    nothing = {"opened": 0, "refused": 0, "address_refused": 0, "unavailable": 0}
    assert added() == nothing | {"opened": 1}
    account.break_down(kind="error", path="/v1/checkout/sessions", status=401)
    with pytest.raises(checkout.CheckoutNotOpened):
        register()
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    with pytest.raises(checkout.CheckoutNotOpened):
        register()
    assert added() == nothing | {"opened": 1, "refused": 1, "unavailable": 1}


def lapse(registration: Registration) -> None:
    Registration.objects.filter(pk=registration.pk).update(
        hold_expires_at=timezone.now() - timedelta(minutes=5)
    )


def sweep() -> None:
    async_to_sync(tasks.sweep_lapsed_holds.func)(0)


def test_the_sweep_ends_the_session_at_stripe_before_it_frees_the_places(stripe: str) -> None:
    event = make_event()
    registration = services.hold_places(order(event))
    url = async_to_sync(checkout.open_checkout)(registration.pk)
    lapse(registration)
    sweep()
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.held) == ("EXPIRED", 0)
    assert registration.sessions.get().status == "expired"
    assert session_at(stripe, url)["status"] == "expired"
    assert registration.messages.get().kind == "expired"


def session_at(stripe: str, url: str) -> dict[str, object]:
    session_id = url.rstrip("/").split("/")[-1].split("?")[0].split("#")[0]
    answer = httpx.get(
        f"{stripe}/v1/checkout/sessions/{session_id}", headers={"authorization": "Bearer sk_test_x"}
    )
    found: dict[str, object] = answer.raise_for_status().json()
    return found


def test_the_sweep_confirms_what_was_paid_while_no_webhook_came(stripe: str) -> None:
    event = make_event()
    registration = services.hold_places(order(event))
    pay(async_to_sync(checkout.open_checkout)(registration.pk))
    lapse(registration)
    sweep()
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.confirmed, event.held) == ("PAID", 1, 0)


def test_while_stripe_does_not_answer_the_sweep_keeps_the_places(
    stripe: str, stripe_at: Callable[[str], None]
) -> None:
    event = make_event()
    registration = services.hold_places(order(event))
    async_to_sync(checkout.open_checkout)(registration.pk)
    lapse(registration)
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    sweep()
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.held) == ("PENDING", 1)


def test_when_stripes_answer_was_lost_the_same_key_finds_the_session_again(stripe: str) -> None:
    registration = services.hold_places(order(make_event()))
    url = async_to_sync(checkout.open_checkout)(registration.pk)
    # As if the process had died between Stripe's answer and our storing it.
    registration.sessions.update(stripe_id=None, url="", status="opening")
    assert async_to_sync(checkout.open_checkout)(registration.pk) == url
    registration.sessions.update(stripe_id=None, url="", status="opening")
    lapse(registration)
    sweep()
    registration.refresh_from_db()
    assert registration.status == "EXPIRED"
    assert session_at(stripe, url)["status"] == "expired"


def test_who_comes_back_after_a_crash_before_stripe_was_asked_can_still_pay(stripe: str) -> None:
    """Too late for the first attempt: Stripe wants half an hour at least."""
    registration = services.hold_places(order(make_event()))
    checkout._attempt(registration.pk)  # and the process died
    CheckoutSession.objects.update(expires_at=F("expires_at") - timedelta(minutes=5))
    pay(async_to_sync(checkout.open_checkout)(registration.pk))
    async_to_sync(checkout.confirm_return)(registration.pk)
    registration.refresh_from_db()
    assert registration.status == "PAID"
    assert list(registration.sessions.values_list("status", flat=True)) == ["failed", "complete"]


def test_who_never_comes_back_after_a_crash_before_stripe_was_asked_is_told(stripe: str) -> None:
    registration = services.hold_places(order(make_event()))
    checkout._attempt(registration.pk)
    CheckoutSession.objects.update(expires_at=timezone.now() - timedelta(minutes=5))
    lapse(registration)
    sweep()
    registration.refresh_from_db()
    assert (registration.status, registration.messages.get().kind) == ("EXPIRED", "expired")


def test_a_cheque_that_never_comes_gives_its_places_back() -> None:
    starts = timezone.now() + timedelta(days=30)
    event = make_event(starts_at=starts, ends_at=starts)
    registration = services.hold_places(order(event, method=PaymentMethod.CHEQUE))
    assert registration.hold_expires_at is not None
    assert registration.hold_expires_at > timezone.now() + timedelta(days=9)
    lapse(registration)
    sweep()
    registration.refresh_from_db()
    assert registration.status == "EXPIRED"


def test_the_browsers_return_is_checked_with_stripe_and_never_believed(stripe: str) -> None:
    registration = services.hold_places(order(make_event()))
    url = async_to_sync(checkout.open_checkout)(registration.pk)
    async_to_sync(checkout.confirm_return)(registration.pk)
    registration.refresh_from_db()
    assert registration.status == "PENDING"
    pay(url)
    async_to_sync(checkout.confirm_return)(registration.pk)
    registration.refresh_from_db()
    assert registration.status == "PAID"


def test_a_refund_that_was_ordered_is_sent_once_and_recorded(stripe: str) -> None:
    registration = services.hold_places(order(make_event()))
    pay(async_to_sync(checkout.open_checkout)(registration.pk))
    async_to_sync(checkout.confirm_return)(registration.pk)
    services.report(Report(RefundRequested(400), "organiser", registration.pk))
    refund = Refund.objects.get()
    async_to_sync(tasks.send_refund.func)(refund.pk)
    async_to_sync(tasks.send_refund.func)(refund.pk)
    refund.refresh_from_db()
    registration.refresh_from_db()
    assert refund.status == "succeeded"
    assert (registration.status, registration.amount_refunded) == ("PAID", 400)


def test_a_double_click_that_stripe_refuses_once_does_not_take_the_place_away(
    stripe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = services.hold_places(order(make_event()))
    create = stripe_gateway.create_session
    opened = asyncio.Event()
    calls = []

    async def second_call_fails(params: Any, key: str) -> stripe_gateway.SessionState:
        calls.append(key)
        if len(calls) > 1:
            await opened.wait()
            raise stripe_gateway.StripeBusy("too many")
        return await create(params, key)

    monkeypatch.setattr(stripe_gateway, "create_session", second_call_fails)

    async def click() -> str:
        # Either of the two may be the one that asks Stripe first, and is answered.
        url = await checkout.open_checkout(registration.pk)
        opened.set()
        return url

    async def both() -> list[str]:
        return list(await asyncio.gather(click(), click()))

    one, other = async_to_sync(both)()
    assert one == other
    registration.refresh_from_db()
    assert registration.status == "PENDING"


def test_a_session_that_opens_after_it_was_given_up_is_ended(
    stripe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = services.hold_places(order(make_event()))
    create = stripe_gateway.create_session
    seen: list[str] = []

    async def given_up_meanwhile(params: Any, key: str) -> stripe_gateway.SessionState:
        session = await create(params, key)
        seen.append(session.id)
        await sync_to_async(CheckoutSession.objects.update)(status="failed")
        return session

    monkeypatch.setattr(stripe_gateway, "create_session", given_up_meanwhile)
    with pytest.raises(checkout.CheckoutNotOpened):
        async_to_sync(checkout.open_checkout)(registration.pk)
    assert session_at(stripe, f"{stripe}/c/pay/{seen[0]}")["status"] == "expired"


def test_a_refund_whose_job_was_lost_is_asked_for_again(stripe: str) -> None:
    forgotten_refund()
    forget_jobs()
    async_to_sync(tasks.sweep_ordered_refunds.func)(0)
    assert Refund.objects.get().status == "succeeded"


def test_while_stripe_is_away_no_jobs_pile_up_for_a_refund(
    stripe: str, stripe_at: Callable[[str], None]
) -> None:
    forgotten_refund()
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    for _ in range(2):
        async_to_sync(tasks.sweep_ordered_refunds.func)(0)
    assert Refund.objects.get().status == "ordered"
    assert waiting("inscrit.payments.tasks.send_refund").count(Refund.objects.get().pk) == 1


def forgotten_refund() -> None:
    registration = services.hold_places(order(make_event()))
    pay(async_to_sync(checkout.open_checkout)(registration.pk))
    async_to_sync(checkout.confirm_return)(registration.pk)
    services.report(Report(RefundRequested(400), "organiser", registration.pk))
    Refund.objects.update(created_at=timezone.now() - timedelta(hours=1))


def waiting(task: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (args->>'refund_id')::int FROM procrastinate_jobs WHERE task_name = %s", [task]
        )
        return [row[0] for row in cursor.fetchall()]


def test_a_refund_whose_answer_was_lost_for_a_day_is_found_again_and_not_made_twice(
    stripe: str,
) -> None:
    registration = services.hold_places(order(make_event()))
    pay(async_to_sync(checkout.open_checkout)(registration.pk))
    async_to_sync(checkout.confirm_return)(registration.pk)
    services.report(Report(RefundRequested(400), "organiser", registration.pk))
    async_to_sync(tasks.send_refund.func)(Refund.objects.get().pk)
    made = Refund.objects.get().stripe_id
    # As if the process had died before it stored the answer, a day ago; Stripe's key is gone too.
    day_ago = timezone.now() - timedelta(hours=30)
    Refund.objects.update(stripe_id=None, status="ordered", created_at=day_ago)
    async_to_sync(tasks.send_refund.func)(Refund.objects.get().pk)
    refund = Refund.objects.get()
    registration.refresh_from_db()
    assert (refund.stripe_id, refund.status) == (made, "succeeded")
    assert registration.amount_refunded == 400


def test_a_cheque_is_not_waited_for_beyond_the_event() -> None:
    event = make_event(starts_at=timezone.now() + timedelta(days=2))
    registration = services.hold_places(order(event, method=PaymentMethod.CHEQUE))
    assert registration.hold_expires_at == event.starts_at
