"""Organisers at the back office. A registration moves through services only."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from inscrit.api import keys
from inscrit.api.models import ApiKey
from inscrit.backoffice import page_of
from inscrit.events.models import Event, EventStatus
from inscrit.mail.models import Message
from inscrit.money import typed
from inscrit.payments.models import Payment, PaymentState, Refund
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CheckoutCompleted, MailKind
from inscrit.registrations.models import PaymentMethod, Registration
from inscrit.registrations.services import Contact, Order, Person, hold_places, report
from inscrit.webhooks.models import StripeEvent

from .desk import fingerprint

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = (
    "event",
    "registration",
    "payment",
    "refund",
    "dispute",
    "message",
    "stripeevent",
    "apikey",
)
LABELS = {
    "event": "events",
    "registration": "registrations",
    "payment": "payments",
    "refund": "payments",
    "dispute": "payments",
    "message": "mail",
    "stripeevent": "webhooks",
    "apikey": "api",
}


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("marie", "marie@example.org", "x"))
    return client


@pytest.fixture
def event() -> Event:
    return Event.objects.create(
        title="Fête",
        starts_at=datetime(2029, 7, 3, 12, tzinfo=UTC),
        ends_at=datetime(2029, 7, 3, 17, tzinfo=UTC),
        price=1250,
        capacity=10,
        status=EventStatus.PUBLISHED,
    )


@pytest.fixture
def registration(event: Event) -> Registration:
    return register(event)


@pytest.fixture
def paid(registration: Registration) -> Registration:
    fact = CheckoutCompleted("cs_1", "pi_1", 2500, "eur", paid=True, livemode=False)
    report(Report(fact, "test", registration.pk))
    registration.refresh_from_db()
    return registration


def register(event: Event, method: PaymentMethod = PaymentMethod.STRIPE) -> Registration:
    people = [Person("Lou", "Martin"), Person("Noé", "Martin")]
    contact = Contact("Camille Martin", "camille@example.org", "fr")
    return hold_places(Order(event.pk, contact, people, method))


def page(name: str, pk: object = None) -> str:
    kind = "changelist" if pk is None else "change"
    return reverse(f"admin:{LABELS[name]}_{name}_{kind}", args=[] if pk is None else [pk])


def act(desk: Client, name: str, action: str, *pks: object, **more: str) -> Any:
    said = {"action": action, "_selected_action": [str(pk) for pk in pks], **more}
    return desk.post(page(name), said, follow=True)


def form_of(event: Event, **said: Any) -> dict[str, Any]:
    return {
        "title": event.title,
        "description": "",
        "location": "",
        "slug": event.slug,
        "starts_at": "2029-07-03T14:00",
        "ends_at": "2029-07-03T19:00",
        "time_zone": "Europe/Paris",
        "capacity": event.capacity,
        "price": typed(event.price, "eur"),
        "currency": "eur",
        "status": event.status,
        "late_payment": "refund",
        "offer_hours": event.offer_hours,
        "lost_dispute": "free_places",
        "payment_methods": ["stripe", "cheque"],
        "payment_days": 10,
        "how_to_pay": "",
        **forms("photo", 0),
        **forms("mails", 0),
        **forms("options", 0),
        **forms("questions", 0),
        **forms("consents", 0),
        **said,
    }


def sent(desk: Client, one: Model, said: dict[str, Any]) -> Any:
    """As by somebody who has just opened its page."""
    return desk.post(page_of(one), {"seen": fingerprint(desk, one)} | said)


def forms(name: str, rows: int) -> dict[str, Any]:
    """What a browser sends about the rows below a form."""
    return {f"{name}-TOTAL_FORMS": rows, f"{name}-INITIAL_FORMS": rows}


def stored_event(registration: Registration) -> StripeEvent:
    return StripeEvent.objects.create(
        id="evt_1",
        type="checkout.session.expired",
        created=datetime(2026, 11, 1, tzinfo=UTC),
        livemode=False,
        outcome="failed",
        registration_id=registration.pk,
        payload='{"id": "evt_1", "type": "checkout.session.expired", "created": 1, '
        '"livemode": false, "data": {"object": {"id": "cs_9", "metadata": '
        f'{{"registrationId": "{registration.pk}"}}, "name": "<script>"}}}}}}',
        secret="fingerprint",
        duration_us=900,
    )


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("query", ["", "?q=martin", "?q=reg-1"])
def test_every_list_opens(desk: Client, paid: Registration, name: str, query: str) -> None:
    stored_event(paid)
    keys.create("Till", "readonly")
    assert desk.get(page(name) + query).status_code == 200


def test_every_page_opens(desk: Client, paid: Registration) -> None:
    stored_event(paid)
    keys.create("Till", "readonly")
    Refund.objects.create(payment_id="pi_1", amount=100, reason="test")
    for name, pk in {
        "event": paid.event_id,
        "registration": paid.pk,
        "payment": "pi_1",
        "refund": Refund.objects.get().pk,
        "message": Message.objects.get().pk,
        "stripeevent": "evt_1",
        "apikey": ApiKey.objects.get().pk,
    }.items():
        assert desk.get(page(name, pk)).status_code == 200, name
    assert desk.get("/admin/").status_code == 200


def test_a_stranger_sees_nothing(client: Client, event: Event) -> None:
    for name in PAGES:
        assert client.get(page(name)).status_code == 302


def test_an_event_is_opened_with_its_price_as_people_write_it(desk: Client, event: Event) -> None:
    address = reverse("admin:events_event_add")
    said = form_of(event, title="Kermesse", slug="", capacity="", price="12,5", currency="EUR")
    assert desk.post(address, said).status_code == 302
    made = Event.objects.get(title="Kermesse")
    assert made.capacity is None
    assert (made.price, made.currency) == (1250, "eur")
    assert made.slug.startswith("kermesse-")


def test_fewer_places_than_taken_are_an_error_in_the_form(
    desk: Client, registration: Registration
) -> None:
    event = registration.event
    answer = sent(desk, event, form_of(event, capacity=1))
    assert answer.status_code == 200
    assert "capacity" in answer.context["adminform"].form.errors
    assert sent(desk, event, form_of(event, capacity=2)).status_code == 302
    event.refresh_from_db()
    assert (event.capacity, event.held) == (2, 2)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"ends_at": "2029-07-03T13:00"}, "__all__"),
        ({"currency": "euro"}, "currency"),
        ({"price": "-1"}, "price"),
        ({"price": "12.505"}, "price"),
        ({"price": "1000000.00"}, "price"),
        ({"price": "douze"}, "price"),
        ({"price": ""}, "price"),
        ({"starts_at": "2029-03-25T02:30"}, "starts_at"),
        ({"payment_methods": []}, "payment_methods"),
        ({"payment_days": 0}, "payment_days"),
        ({"title": "a\0b"}, "title"),
        ({"status": "cancelled"}, "status"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
    ],
)
def test_an_event_that_cannot_be_is_an_error_in_the_form(
    desk: Client, event: Event, said: dict[str, Any], field: str
) -> None:
    answer = sent(desk, event, form_of(event, **said))
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors


def test_the_form_writes_no_counters(desk: Client, event: Event) -> None:
    sent(desk, event, form_of(event, title="Kermesse", confirmed=7, held=7))
    event.refresh_from_db()
    assert (event.title, event.confirmed, event.held) == ("Kermesse", 0, 0)


def test_an_event_with_registrations_is_not_deleted(
    desk: Client, registration: Registration
) -> None:
    address = reverse("admin:events_event_delete", args=[registration.event_id])
    assert desk.post(address, {"post": "yes"}).status_code == 403
    act(desk, "event", "delete_selected", registration.event_id, post="yes")
    assert Event.objects.exists()


def test_an_event_without_registrations_is_deleted(desk: Client, event: Event) -> None:
    desk.post(reverse("admin:events_event_delete", args=[event.pk]), {"post": "yes"})
    assert not Event.objects.exists()


def test_cancelling_an_event_is_asked_twice(desk: Client, paid: Registration) -> None:
    asked = act(desk, "event", "cancel_event", paid.event_id)
    assert paid.event.title in asked.content.decode()
    assert Event.objects.get().status == EventStatus.PUBLISHED
    act(desk, "event", "cancel_event", paid.event_id, yes="yes")
    event = Event.objects.get()
    assert (event.status, event.confirmed) == (EventStatus.CANCELLED, 0)
    assert Refund.objects.get().amount == 2500
    answer = sent(desk, event, form_of(event, status="published"))
    assert answer.status_code == 302
    assert Event.objects.get().status == EventStatus.CANCELLED


def test_names_are_put_right_and_nothing_else(desk: Client, registration: Registration) -> None:
    first, second = registration.participants.all()
    said = {
        "contact_name": "Camille Durand",
        "contact_email": "camille@example.net",
        "locale": "en",
        "status": "PAID",
        "amount": "1",
        **forms("participants", 2),
        **forms("journal", 1),
        **forms("sessions", 0),
        **forms("payments", 0),
        **forms("messages", 0),
        "participants-0-id": first.pk,
        "participants-0-registration": registration.pk,
        "participants-0-first_name": "Louise",
        "participants-0-last_name": "Durand",
        "participants-1-id": second.pk,
        "participants-1-registration": registration.pk,
        "participants-1-first_name": "Noé",
        "participants-1-last_name": "Durand",
        "participants-1-DELETE": "on",
        "journal-0-id": registration.journal.get().pk,
        "journal-0-registration": registration.pk,
        "journal-0-reason": "rewritten",
    }
    answer = sent(desk, registration, said)
    assert answer.status_code == 302, answer.content.decode()
    registration.refresh_from_db()
    assert (registration.contact_name, registration.locale) == ("Camille Durand", "en")
    assert (registration.status, registration.amount) == ("PENDING", 2500)
    reasons = [entry.reason for entry in registration.journal.order_by("id")]
    assert reasons == ["registered", "contact_corrected"]
    assert [str(one) for one in registration.participants.all()] == ["Louise Durand", "Noé Durand"]


def test_registrations_are_neither_made_nor_deleted(
    desk: Client, registration: Registration
) -> None:
    assert desk.get(reverse("admin:registrations_registration_add")).status_code == 403
    address = reverse("admin:registrations_registration_delete", args=[registration.pk])
    assert desk.post(address, {"post": "yes"}).status_code == 403
    act(desk, "registration", "delete_selected", registration.pk, post="yes")
    assert Registration.objects.exists()


@pytest.mark.parametrize(
    "name", ["payment", "refund", "dispute", "message", "stripeevent", "apikey"], ids=str
)
def test_what_happened_is_not_written_by_hand(desk: Client, name: str) -> None:
    assert desk.get(reverse(f"admin:{LABELS[name]}_{name}_add")).status_code == 403


def test_a_cheque_is_marked_paid(desk: Client, event: Event) -> None:
    cheque, card = register(event, PaymentMethod.CHEQUE), register(event)
    answer = act(desk, "registration", "mark_paid", cheque.pk, card.pk, yes="yes")
    cheque.refresh_from_db()
    card.refresh_from_db()
    assert (cheque.status, card.status) == ("PAID", "PENDING")
    last = cheque.journal.last()
    assert last is not None
    assert last.actor == "admin:marie"
    assert "not_paid_by_cheque" in answer.content.decode()


def test_a_registration_is_cancelled_and_refunded(desk: Client, paid: Registration) -> None:
    act(desk, "registration", "cancel", paid.pk)
    assert Registration.objects.get().status == "PAID"
    act(desk, "registration", "cancel", paid.pk, yes="yes")
    assert Registration.objects.get().status == "CANCELLED"
    assert Refund.objects.get().amount == 2500


def test_money_goes_back_once(desk: Client, paid: Registration) -> None:
    for _ in range(2):
        act(desk, "registration", "refund", paid.pk, yes="yes")
    assert Refund.objects.get().amount == 2500
    assert Payment.objects.get().status == PaymentState.SUCCEEDED


def test_a_stored_event_is_applied_again(desk: Client, registration: Registration) -> None:
    stored_event(registration)
    body = desk.get(page("stripeevent", "evt_1")).content.decode()
    assert "&lt;script&gt;" in body
    answer = act(desk, "stripeevent", "replay", "evt_1")
    assert "session_expired" in answer.content.decode()
    assert Registration.objects.get().status == "EXPIRED"


def test_a_message_is_sent_again_to_the_present_address(desk: Client, paid: Registration) -> None:
    Registration.objects.update(contact_email="new@example.org")
    Message.objects.update(state="sent")
    jobs = ProcrastinateJob.objects.filter(task_name="inscrit.mail.tasks.deliver")
    before = jobs.count()
    act(desk, "message", "send_again", Message.objects.get(kind=MailKind.CONFIRMED).pk)
    message = Message.objects.get()
    assert (message.state, message.recipient) == ("queued", "new@example.org")
    assert jobs.count() == before + 1


def test_a_key_is_revoked(desk: Client) -> None:
    key = keys.create("Till", "organiser")
    act(desk, "apikey", "revoke", ApiKey.objects.get().pk)
    assert keys.authenticate(key) is None


def test_an_action_needs_its_permission(registration: Registration) -> None:
    from django.contrib.auth.models import Permission

    stored_event(registration)
    reader = User.objects.create_user("paul", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    desk = Client()
    desk.force_login(reader)
    for name, action, pk in (
        ("registration", "cancel", registration.pk),
        ("event", "cancel_event", registration.event_id),
        ("stripeevent", "replay", "evt_1"),
    ):
        assert desk.get(page(name)).status_code == 200
        act(desk, name, action, pk, yes="yes")
    assert Registration.objects.get().status == "PENDING"
    assert StripeEvent.objects.get().outcome == "failed"
