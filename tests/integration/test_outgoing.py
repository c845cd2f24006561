"""Other programs are told of every change, by a real server that checks the signatures."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from standardwebhooks import Webhook, WebhookVerificationError

from inscrit.api.schemas import ASKED, EventPatch
from inscrit.events.models import Event, Photo, PriceOption
from inscrit.mail.models import Message as Mail
from inscrit.outgoing import delivery, secrets, services, tasks
from inscrit.outgoing.models import Attempt, Delivery, DeliveryState, Endpoint, Message
from inscrit.outgoing.types import TYPES
from inscrit.registrations import services as registrations
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CancelRequested, RefundRequested

from .conftest import Caller, Setting, content
from .receiver import Receiver, listening, work
from .test_audit import completed, make_event, paid, register, tell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


@pytest.fixture
def endpoint(receiver: Receiver) -> Endpoint:
    return Endpoint.objects.create(url=receiver.url, types=list(TYPES))


def work_now() -> None:
    async_to_sync(work)()


def sweep() -> None:
    """What the worker does each minute, as if the time to wait had passed."""
    Delivery.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    async_to_sync(tasks.sweep_waiting_deliveries.func)(timestamp=0)
    work_now()


def test_a_program_hears_of_a_registration_from_its_beginning_to_its_end(
    receiver: Receiver, endpoint: Endpoint, organiser: Caller
) -> None:
    registration = register(make_event(), people=2)
    tell(registration, completed(registration))
    work_now()
    told = receiver.verified(secrets.secret(endpoint))
    assert [one["type"] for one in told] == [
        "event.created",
        "registration.pending",
        "registration.paid",
    ]
    last = told[-1]
    assert last["change"] == {
        "from_status": "PENDING",
        "to_status": "PAID",
        "reason": registration.journal.last().reason,  # type: ignore[union-attr]
    }
    assert last["data"] == content(organiser.get(f"/registrations/{registration.pk}"))
    assert "token" not in last["data"]
    _body, headers = receiver.heard[-1]
    assert headers["webhook-id"] == last["id"]
    assert headers["host"] == f"localhost:{receiver.port}"
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.DELIVERED}
    attempt = Attempt.objects.last()
    assert attempt is not None
    assert (attempt.status, attempt.excerpt) == (200, "thank you")


def test_it_hears_only_of_what_it_chose(receiver: Receiver) -> None:
    Endpoint.objects.create(url=receiver.url, types=["registration.cancelled", "event.cancelled"])
    event = make_event()
    registration = paid(event)
    tell(registration, CancelRequested(refund=False))
    event.title = "Autre sortie"
    event.save()
    event.status = "cancelled"
    event.save()
    work_now()
    assert receiver.types() == ["registration.cancelled", "event.cancelled"]
    assert Message.objects.count() == 2


def test_a_part_refunded_is_an_update(receiver: Receiver) -> None:
    registration = paid(make_event())
    Endpoint.objects.create(url=receiver.url, types=["registration.updated"])
    tell(registration, RefundRequested(100))
    work_now()
    assert receiver.types() == ["registration.updated"]


def test_places_that_move_are_no_change_of_the_event(endpoint: Endpoint) -> None:
    event = make_event()
    Event.objects.filter(pk=event.pk).update(confirmed=3)
    Event.objects.filter(pk=event.pk).update(title=event.title)
    assert [one.type for one in Message.objects.all()] == ["event.created"]


def options(event: Event, *names: str) -> list[PriceOption]:
    return [PriceOption.objects.create(event=event, name=name, price=500) for name in names]


CHANGES: dict[str, Any] = {
    "title": "Bal",
    "description": "Venez",
    "location": "Cour",
    "starts_at": "2029-07-03T13:00:00Z",
    "ends_at": "2029-07-03T18:00:00Z",
    "time_zone": "America/New_York",
    "price": 900,
    "currency": "chf",
    "capacity": 12,
    "sales_end_at": "2029-07-01T12:00:00Z",
    "refund_until": "2029-07-01T12:00:00Z",
    "status": "draft",
    "late_payment": "review",
    "lost_dispute": "review",
    "offer_hours": 48,
    "payment_methods": ["transfer"],
    "payment_days": 5,
    "how_to_pay": "IBAN",
    "options": [{"name": "Adulte", "price": 1250}, {"name": "Enfant", "price": 800, "quota": 9}],
    "questions": [{"text": "Des allergies ?"}, {"text": "Repas ?", "kind": "yes_no"}],
    "consents": [{"text": "J’accepte."}],
}


def test_all_that_can_be_changed_is_tried() -> None:
    assert CHANGES.keys() == EventPatch.model_fields.keys()


@pytest.mark.parametrize("field", CHANGES)
def test_whatever_is_changed_of_an_event_is_told_once(
    receiver: Receiver, endpoint: Endpoint, organiser: Caller, field: str
) -> None:
    event = organiser.open_event()
    work_now()
    receiver.heard.clear()
    for _ in range(2):  # the second time nothing is changed any more
        content(organiser.patch(f"/events/{event['id']}", {field: CHANGES[field]}))
        if field in ASKED:
            break
    work_now()
    (told,) = receiver.verified(secrets.secret(endpoint))
    assert told["type"] == "event.updated"
    assert told["data"][field] == content(organiser.get(f"/events/{event['id']}"))[field]
    assert told["data"][field] != event[field]


def test_one_change_of_many_things_is_one_message(endpoint: Endpoint, organiser: Caller) -> None:
    lists = {name: CHANGES[name] for name in ASKED}
    event = organiser.open_event(**lists)
    assert [one.type for one in Message.objects.all()] == ["event.created"]
    path = f"/events/{event['id']}"
    content(organiser.patch(path, {"title": "Bal", "how_to_pay": "IBAN", **lists}))
    assert Message.objects.filter(type="event.updated").count() == 1
    content(organiser.patch(path, {name: [] for name in ASKED}))
    assert Message.objects.filter(type="event.updated").count() == 2
    content(organiser.patch(path, {"options": []}))
    assert Message.objects.count() == 3, "nothing was changed any more"


def test_publishing_is_told_whatever_else_is_changed_with_it(
    endpoint: Endpoint, organiser: Caller
) -> None:
    event = organiser.open_event(status="draft")
    Message.objects.all().delete()
    said = {"status": "published", "options": CHANGES["options"]}
    content(organiser.patch(f"/events/{event['id']}", said))
    assert [one.type for one in Message.objects.all()] == ["event.published"]


def test_two_events_changed_together_are_told_each(endpoint: Endpoint) -> None:
    one, other = make_event(), make_event()
    Message.objects.all().delete()
    with transaction.atomic():
        options(one, "Adulte", "Enfant")
        options(other, "Adulte", "Enfant")
    assert sorted(told.event_id for told in Message.objects.all()) == sorted([one.pk, other.pk])


def test_what_a_part_undone_has_told_is_told_again(endpoint: Endpoint) -> None:
    event = make_event()
    with transaction.atomic():
        with transaction.atomic():
            options(event, "Adulte")
            transaction.set_rollback(True)
        options(event, "Adulte")
    assert [one.type for one in Message.objects.all()].count("event.updated") == 1


def test_a_photo_is_told(endpoint: Endpoint) -> None:
    event = make_event()
    told = Message.objects.filter(type="event.updated", event_id=event.pk)
    photo = Photo.objects.create(event=event, sizes=[[480, "a" * 32]])
    assert told.count() == 1
    photo.alt_fr = "La ferme"
    photo.save()
    assert told.count() == 2
    photo.changed_at = timezone.now()
    photo.save()
    assert told.count() == 2
    photo.delete()
    assert told.count() == 3


def test_places_of_an_option_that_move_are_no_change_of_the_event(endpoint: Endpoint) -> None:
    event = make_event()
    (adult,) = options(event, "Adulte")
    Message.objects.all().delete()
    PriceOption.objects.update(taken=3, waiting=1)
    PriceOption.objects.update(name=adult.name)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("counters", "run"),
    [
        ("events_event SET confirmed = confirmed + 1, held = held", {"announce_places"}),
        ("events_priceoption SET taken = taken + 1", set()),
    ],
)
def test_a_payment_s_counters_run_nothing_for_it(
    endpoint: Endpoint, counters: str, run: set[str]
) -> None:
    options(make_event(), "Adulte")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ANALYZE UPDATE {counters}")
        told = "\n".join(line for (line,) in cursor.fetchall())
    assert "actual time" in told
    assert set(re.findall(r"Trigger (\w+)", told)) == run


def test_a_draft_that_is_deleted_with_its_lists_is_not_told(endpoint: Endpoint) -> None:
    draft = make_event(status="draft")
    options(draft, "Adulte", "Enfant")
    Message.objects.all().delete()
    draft.delete()
    assert not Message.objects.exists()


def test_what_is_rolled_back_is_not_told(endpoint: Endpoint) -> None:
    event = make_event()
    before = Message.objects.count(), ProcrastinateJob.objects.filter(queue_name="outgoing").count()
    with transaction.atomic():
        register(event)
        transaction.set_rollback(True)
    after = Message.objects.count(), ProcrastinateJob.objects.filter(queue_name="outgoing").count()
    assert after == before


def test_without_an_endpoint_nothing_is_written() -> None:
    paid(make_event())
    assert Message.objects.count() == Delivery.objects.count() == 0
    assert not ProcrastinateJob.objects.filter(queue_name="outgoing").exists()


def test_many_changes_in_one_transaction_go_by_few_jobs(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    event = make_event(capacity=None)
    many = [register(event) for _ in range(25)]
    work_now()
    receiver.heard.clear()
    registrations.report(*(Report(completed(one), "test", one.pk) for one in many))
    assert ProcrastinateJob.objects.filter(queue_name="outgoing").count() == 2
    work_now()
    assert receiver.types() == ["registration.paid"] * 25


def test_what_was_not_taken_is_sent_again_as_it_was(receiver: Receiver, endpoint: Endpoint) -> None:
    receiver.status, receiver.says = 503, b"not now \0" + b"x" * 5000
    registration = register(make_event())
    work_now()
    tell(registration, completed(registration))
    work_now()
    assert not Delivery.objects.filter(state=DeliveryState.DELIVERED).exists()
    first = Attempt.objects.order_by("id").first()
    assert first is not None
    assert first.status == 503
    assert first.excerpt.startswith("not now")
    assert len(first.excerpt) == 1000
    refused = {headers["webhook-id"]: body for body, headers in receiver.heard}
    receiver.status = 204
    receiver.heard.clear()
    sweep()
    assert {headers["webhook-id"]: body for body, headers in receiver.heard} == refused
    receiver.verified(secrets.secret(endpoint))
    sweep()
    assert len(receiver.heard) == len(refused)


def test_an_endpoint_that_takes_nothing_for_days_is_switched_off_and_the_organiser_told(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    receiver.status = 500
    make_event()
    work_now()
    for tries in range(2, delivery.MOST_ATTEMPTS + 1):
        endpoint.refresh_from_db()
        assert endpoint.is_enabled
        sweep()
        assert len(receiver.heard) == tries
    endpoint.refresh_from_db()
    assert not endpoint.is_enabled
    assert endpoint.disabled_reason == "HTTP 500"
    alert = Mail.objects.get()
    assert "HTTP 500" in alert.context["text"]
    register(make_event())
    assert Message.objects.count() == 1, "nothing is written for what is off"


def test_an_endpoint_that_takes_others_stays_on(receiver: Receiver, endpoint: Endpoint) -> None:
    make_event()
    receiver.status = 422
    work_now()
    receiver.status = 200
    services.send_test(endpoint)
    work_now()
    receiver.status = 422
    for _ in range(delivery.MOST_ATTEMPTS):
        sweep()
    endpoint.refresh_from_db()
    assert endpoint.is_enabled
    assert Delivery.objects.filter(state=DeliveryState.FAILED).count() == 1


def test_gone_means_gone(receiver: Receiver, endpoint: Endpoint) -> None:
    receiver.status = 410
    make_event()
    work_now()
    endpoint.refresh_from_db()
    assert not endpoint.is_enabled


def test_gone_is_the_last_word_on_what_is_sent_again_to_one_that_is_off(
    receiver: Receiver, endpoint: Endpoint
) -> None:
    receiver.status = 410
    make_event()
    work_now()
    services.send_again(list(Delivery.objects.all()))
    work_now()
    assert Delivery.objects.get().state == DeliveryState.FAILED
    sweep()
    assert len(receiver.heard) == 2


def test_a_redirect_is_not_followed(receiver: Receiver, endpoint: Endpoint) -> None:
    with listening() as elsewhere:
        receiver.status, receiver.location = 307, elsewhere.url
        make_event()
        work_now()
        assert elsewhere.heard == []
    assert Delivery.objects.get().state == DeliveryState.WAITING


def test_nobody_there_is_written_down_and_the_rest_waits(endpoint: Endpoint) -> None:
    from inscrit import ports

    Endpoint.objects.update(url=f"http://localhost:{ports.free()}/")
    event = make_event(capacity=None)
    many = [register(event) for _ in range(10)]
    Delivery.objects.all().delete()
    registrations.report(*(Report(completed(one), "test", one.pk) for one in many))
    work_now()
    assert Attempt.objects.count() == delivery.AT_ONCE
    assert "ConnectError" in Attempt.objects.all()[0].error


def test_a_name_that_leads_inside_is_not_called(
    receiver: Receiver, endpoint: Endpoint, setting: Setting
) -> None:
    setting(OUTGOING_PRIVATE_HOSTS="")
    make_event()
    work_now()
    assert receiver.heard == []
    assert "https" in Attempt.objects.get().error
    Endpoint.objects.update(url=f"https://localhost:{receiver.port}/")
    sweep()
    assert receiver.heard == []
    assert "adresse privée" in Attempt.objects.all()[0].error


def test_a_secret_is_changed_without_a_message_lost(receiver: Receiver, endpoint: Endpoint) -> None:
    old = secrets.secret(endpoint)
    new = secrets.rotate(endpoint)
    assert new != old
    make_event()
    work_now()
    receiver.verified(old)
    receiver.verified(new)
    Endpoint.objects.update(previous_until=timezone.now())
    receiver.heard.clear()
    make_event()
    work_now()
    receiver.verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.verified(old)


def test_the_database_alone_holds_no_secret(endpoint: Endpoint) -> None:
    secret = secrets.secret(endpoint)
    assert Webhook(secret)
    columns = Endpoint.objects.values().get()
    assert all(secret.removeprefix("whsec_") not in str(value) for value in columns.values())


def test_a_message_is_sent_again_by_hand(receiver: Receiver, endpoint: Endpoint) -> None:
    make_event()
    work_now()
    services.send_again(list(Delivery.objects.all()))
    work_now()
    (first, one), (second, two) = receiver.heard
    assert first == second
    assert one["webhook-id"] == two["webhook-id"]
    assert Delivery.objects.get().state == DeliveryState.DELIVERED


def test_old_messages_are_forgotten(receiver: Receiver, endpoint: Endpoint) -> None:
    make_event()
    make_event()
    work_now()
    oldest = Message.objects.last()
    assert oldest is not None
    Message.objects.filter(pk=oldest.pk).update(at=timezone.now() - timedelta(days=31))
    async_to_sync(tasks.forget_old_messages.func)(timestamp=0)
    assert Message.objects.count() == Delivery.objects.count() == Attempt.objects.count() == 1


@pytest.mark.parametrize("types", [[], ["registration.unknown"]])
def test_the_database_refuses_types_that_are_none(types: list[Any]) -> None:
    with pytest.raises(IntegrityError):
        Endpoint.objects.create(url="https://example.org/", types=types)


def test_what_stripe_says_is_told_from_the_lane(receiver: Receiver) -> None:
    from .test_webhook_lane import body_of, deliver, run
    from .test_webhook_lane import make_event as event_with

    event, many = event_with(5)
    Endpoint.objects.create(url=receiver.url, types=["registration.paid"])

    async def story(client: Any) -> list[int]:
        bodies = [body_of(f"evt_{one.pk}", one.pk) for one in many]
        return [await deliver(client, body) for body in [*bodies, *bodies]]

    assert set(run(story)) == {200}
    work_now()
    told = [json.loads(body)["data"]["id"] for body, _ in receiver.heard]
    assert sorted(told) == sorted(one.pk for one in many)
    event.refresh_from_db()
    assert event.confirmed == 5
