"""The outbox against a real mail server that refuses, goes away and comes back."""

import socket
import threading
from datetime import timedelta

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from structlog.testing import capture_logs

from inscrit import direct
from inscrit.mail import delivery, services, tasks
from inscrit.mail.delivery import DELAYS, MOST_ATTEMPTS, MOST_REFUSALS, Delivery
from inscrit.mail.models import Message, MessageKind, MessageState
from inscrit.registrations.lifecycle import PaymentSucceeded
from inscrit.registrations.models import Registration

from .conftest import Setting
from .desk import address
from .mailserver import MailServer
from .test_audit import make_event, paid, register, tell

pytestmark = pytest.mark.django_db(transaction=True)

ORGANISER = "organiser@example.org"
NO_SUCH_USER = "550 5.1.1 <{address}>: no such user here"
NOT_NOW = "451 4.7.1 Greylisted, please try again later"


@pytest.fixture
def organiser(setting: Setting) -> str:
    setting(ORGANISER_EMAIL=ORGANISER)
    return ORGANISER


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("marie", "marie@example.org", "x"))
    return client


def confirmation(registration: Registration | None = None) -> Message:
    registration = registration or paid(make_event())
    return Message.objects.get(registration=registration, kind=MessageKind.CONFIRMED)


def sweep() -> None:
    """What the worker does each minute, as if the time to wait had passed."""
    Message.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    async_to_sync(tasks.sweep_waiting_messages.func)(timestamp=0)


def tell_of_given_up() -> None:
    async_to_sync(tasks.tell_of_given_up_messages.func)(timestamp=0)


def try_until_given_up(message: Message) -> Message:
    while message.state != MessageState.FAILED:
        delivery.deliver(message.pk)
        message.refresh_from_db()
    return message


def test_a_mail_server_that_refuses_and_is_gone_for_hours_loses_nothing(
    server: MailServer,
) -> None:
    event = make_event(capacity=None)
    messages = [confirmation(paid(event)) for _ in range(30)]
    server.refusing = NOT_NOW
    for _ in range(3):
        sweep()
    server.go()
    for _ in range(40):
        sweep()
    assert server.taken == []
    assert set(Message.objects.values_list("state", "sent_at")) == {("retrying", None)}
    server.refusing = ""
    server.come()
    sweep()
    assert len(server.taken) == 30
    assert len(set(server.ids())) == 30
    assert set(Message.objects.values_list("state", "error", "times_sent")) == {("sent", "", 1)}
    sweep()
    assert len(server.taken) == len(messages)


def test_without_a_mail_server_only_one_message_loses_a_try(server: MailServer) -> None:
    event = make_event()
    ids = [confirmation(paid(event)).pk for _ in range(3)]
    server.go()
    async_to_sync(tasks.deliver.func)(message_ids=ids)
    tries = Message.objects.order_by("pk").values_list("attempts", flat=True)
    assert list(tries) == [1, 0, 0]


def test_only_one_message_at_a_time_waits_for_a_mail_server_that_says_nothing(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "silence", tasks.Silence(long_seconds=0.5))
    event = make_event()
    ids = [confirmation(paid(event)).pk for _ in range(4)]
    tries = Message.objects.order_by("pk").values_list("attempts", flat=True)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        override_settings(EMAIL_PORT=silent.getsockname()[1], EMAIL_TIMEOUT=1),
    ):
        for one in ids[:3]:
            async_to_sync(tasks.deliver.func)(message_ids=[one])
        assert list(tries.all()) == [1, 0, 0, 0]
        sweep()  # looks whether it speaks again
        assert sum(tries.all()) == 2
    sweep()
    assert len(server.taken) == 4
    later = confirmation(paid(event))
    async_to_sync(tasks.deliver.func)(message_ids=[later.pk])
    assert len(server.taken) == 5


def test_a_message_that_is_refused_does_not_hold_up_the_others(server: MailServer) -> None:
    event = make_event()
    refused, taken = (confirmation(paid(event)) for _ in range(2))
    Message.objects.filter(pk=refused.pk).update(recipient="nobody@example.org")
    server.refusing, server.whom = NO_SUCH_USER, "nobody@"
    async_to_sync(tasks.deliver.func)(message_ids=[refused.pk, taken.pk])
    refused.refresh_from_db()
    assert refused.state == MessageState.RETRYING
    assert len(server.taken) == 1


def test_the_delays_grow(server: MailServer) -> None:
    server.refusing = NOT_NOW
    message = confirmation()
    waited = []
    for _ in range(len(DELAYS) + 2):
        before = timezone.now()
        assert delivery.deliver(message.pk) is Delivery.POSTPONED
        message.refresh_from_db()
        waited.append((message.next_try_at - before) // timedelta(minutes=1))
    assert waited == [*DELAYS, DELAYS[-1], DELAYS[-1]]


def test_after_some_three_days_it_is_given_up_and_the_organiser_is_told(
    server: MailServer, organiser: str
) -> None:
    server.refusing = NOT_NOW
    message = try_until_given_up(confirmation())
    assert (message.attempts, message.times_failed) == (MOST_ATTEMPTS, MOST_ATTEMPTS)
    tell_of_given_up()
    alert = Message.objects.get(kind=MessageKind.ORGANISER_ALERT)
    assert alert.recipient == organiser
    assert alert.context["subject"] == "1 message n’a pas pu être remis"
    assert str(message.registration_id) in alert.context["text"]
    assert "Greylisted" in alert.context["text"]


def test_an_address_that_does_not_exist_is_told_to_the_organiser_soon(
    server: MailServer, organiser: str
) -> None:
    server.refusing = NO_SUCH_USER
    message = try_until_given_up(confirmation())
    assert message.attempts == MOST_REFUSALS < MOST_ATTEMPTS
    assert sum(DELAYS[: MOST_REFUSALS - 1]) <= 20
    server.refusing = ""
    tell_of_given_up()
    delivery.deliver(Message.objects.get(kind=MessageKind.ORGANISER_ALERT).pk)
    (mail,) = server.taken
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert mail["to"] == organiser
    assert str(message.registration_id) in text
    assert "token" not in text
    assert "parent@example.org" not in text


def test_the_organisers_own_bad_address_raises_no_alert_about_an_alert(
    server: MailServer, organiser: str
) -> None:
    services.alert("x", "Something", "happened")
    server.refusing = NO_SUCH_USER
    try_until_given_up(Message.objects.get())
    tell_of_given_up()
    assert Message.objects.count() == 1


def test_all_that_was_given_up_is_told_in_one_mail_and_once(
    server: MailServer, organiser: str, desk: Client
) -> None:
    server.refusing = NO_SUCH_USER
    event = make_event(capacity=None)
    messages = [try_until_given_up(confirmation(paid(event))) for _ in range(25)]
    for _ in range(2):
        tell_of_given_up()
    (alert,) = Message.objects.filter(kind=MessageKind.ORGANISER_ALERT)
    assert alert.context["subject"] == "25 messages n’ont pas pu être remis"
    assert alert.context["text"].count("no such user") == services.MOST_TOLD
    send_again_at_the_desk(desk, messages[0])
    messages[0].refresh_from_db()
    try_until_given_up(messages[0])
    tell_of_given_up()
    assert Message.objects.filter(kind=MessageKind.ORGANISER_ALERT).count() == 2


def test_what_is_kept_of_an_error_names_no_address(server: MailServer) -> None:
    server.refusing = NO_SUCH_USER
    message = confirmation()
    with capture_logs() as lines:
        delivery.deliver(message.pk)
    message.refresh_from_db()
    assert message.error == "550 5.1.1 <…>: no such user here"
    assert "@" not in str(lines)


def test_a_long_answer_of_the_server_is_cut(server: MailServer) -> None:
    server.refusing = f"550 {'no ' * 150}"
    message = confirmation()
    delivery.deliver(message.pk)
    message.refresh_from_db()
    assert len(message.error) <= delivery.LONGEST_ERROR


def test_a_crash_after_the_server_took_it_sends_the_very_same_mail_again(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = confirmation()

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(Message, "save", crash)
        with pytest.raises(KeyboardInterrupt):
            delivery.deliver(message.pk)
    message.refresh_from_db()
    assert (message.state, message.attempts) == (MessageState.QUEUED, 0)
    sweep()
    assert len(server.ids()) == 2
    assert len(set(server.ids())) == 1


def test_many_workers_at_once_send_a_message_once(server: MailServer) -> None:
    message = confirmation()

    def work() -> None:
        delivery.deliver(message.pk)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(server.taken) == 1


def test_there_is_never_a_second_confirmation(server: MailServer) -> None:
    message = confirmation()
    assert message.registration is not None
    services.confirm_again(message.registration)
    second = Message(registration=message.registration, kind=MessageKind.CONFIRMED)
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save()
    assert Message.objects.count() == 1


def test_a_confirmation_that_was_never_queued_can_be_sent(server: MailServer, desk: Client) -> None:
    message = confirmation()
    waiting = register(make_event())
    Message.objects.all().delete()
    said = {
        "action": "send_confirmation",
        "_selected_action": [message.registration_id, waiting.pk],
    }
    page = desk.post(reverse("admin:registrations_registration_changelist"), said, follow=True)
    assert waiting.pk in page.content.decode()
    queued = Message.objects.get()
    assert queued.registration_id == message.registration_id
    delivery.deliver(queued.pk)
    assert "parent@example.org" in str(server.taken[0]["to"])


def send_again_at_the_desk(desk: Client, message: Message) -> str:
    url = address(message, "send-again")
    page = desk.get(reverse("admin:mail_message_change", args=[message.pk]))
    assert f'action="{url}"' in page.content.decode()
    return desk.post(url, follow=True).content.decode()


def test_the_button_on_a_messages_page_sends_it_once_more_to_the_address_as_it_is_now(
    server: MailServer, desk: Client
) -> None:
    message = confirmation()
    delivery.deliver(message.pk)
    Registration.objects.update(contact_email="right@example.org")
    send_again_at_the_desk(desk, message)
    async_to_sync(tasks.deliver.func)(message_ids=[message.pk])
    first, second = server.taken
    assert (first["to"], second["to"]) == ("parent@example.org", "right@example.org")
    # A mailbox would hide a second mail of the same id, and here a person wants it to be seen.
    assert first["message-id"] != second["message-id"]
    message.refresh_from_db()
    assert message.times_sent == 2


def test_a_message_that_is_being_sent_is_not_queued_again(desk: Client) -> None:
    message = confirmation()
    locked, done = threading.Event(), threading.Event()

    def be_sending() -> None:
        with transaction.atomic():
            Message.objects.select_for_update(no_key=True).get(pk=message.pk)
            locked.set()
            done.wait(30)
        connection.close()

    worker = threading.Thread(target=be_sending)
    worker.start()
    assert locked.wait(30)
    waiting = ProcrastinateJob.objects.count()
    page = send_again_at_the_desk(desk, message)
    done.set()
    worker.join()
    assert '<li class="error">' in page
    assert ProcrastinateJob.objects.count() == waiting


def test_who_may_only_look_finds_no_button_and_is_refused(desk: Client) -> None:
    message = confirmation()
    clerk = User.objects.create_user("clerk", "clerk@example.org", "x", is_staff=True)
    client = Client()
    client.force_login(clerk)
    url = address(message, "send-again")
    assert client.post(url).status_code == 403
    assert desk.get(url).status_code == 405


def alerts() -> list[str]:
    return [one.context["subject"] for one in Message.objects.order_by("pk")]


def test_the_organiser_is_told_once_a_day_of_the_same_thing(organiser: str) -> None:
    jobs = ProcrastinateJob.objects.filter(task_name="inscrit.mail.tasks.deliver")
    before = jobs.count()
    for subject in ("first", "again"):
        services.alert("breach 1", subject, "text")
    services.alert("breach 2", "another", "text")
    assert alerts() == ["first", "another"]
    yesterday = timezone.localdate() - timedelta(days=1)
    Message.objects.filter(key__startswith="breach 1 ").update(key=f"breach 1 {yesterday}")
    services.alert("breach 1", "next day", "text")
    assert alerts() == ["first", "another", "next day"]
    assert jobs.count() == before + 3


def test_an_alert_is_queued_with_the_change_that_it_is_about(organiser: str) -> None:
    before = ProcrastinateJob.objects.count()
    with transaction.atomic(), capture_logs() as lines:
        services.alert("breach", "Something", "happened")
        assert ProcrastinateJob.objects.count() == before + 1
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert ProcrastinateJob.objects.count() == before
    assert lines == []


def test_without_an_organisers_address_an_alert_is_only_logged() -> None:
    with capture_logs() as lines:
        services.alert("breach", "Something", "happened")
    assert not Message.objects.exists()
    assert [line["event"] for line in lines] == ["📣 Organiser alerted"]


def test_an_alert_without_a_registration_is_the_only_such_message() -> None:
    with pytest.raises(IntegrityError):
        Message.objects.create(kind=MessageKind.CONFIRMED, recipient="a@example.org", locale="fr")


def test_a_registration_to_be_looked_at_is_told_to_the_organiser_in_their_language(
    server: MailServer, organiser: str
) -> None:
    registration = register(make_event())
    tell(registration, PaymentSucceeded("pi_wrong", 1, "eur", livemode=False))
    assert registration.review == "amount_mismatch"
    async_to_sync(tasks.deliver.func)(message_ids=[Message.objects.get().pk])
    (mail,) = server.taken
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert (mail["to"], mail["content-language"]) == (organiser, "fr")
    assert "Un paiement est arrivé dont le montant" in text
    assert f"/admin/registrations/registration/{registration.pk}/change/" in text
    assert registration.token not in text


def test_what_somebody_else_is_sending_holds_up_no_other_mail(server: MailServer) -> None:
    slow, other = (paid(make_event()).messages.get().pk for _ in range(2))
    silence = tasks.Silence()
    silence.heard(Delivery.UNREACHABLE, 20)
    with psycopg.connect(direct.address()) as sending, connection.cursor() as cursor:
        sending.execute("SELECT FROM mail_message WHERE id = %s FOR NO KEY UPDATE", [slow])
        cursor.execute("SET lock_timeout = '200ms'")
        answers = [delivery.deliver(one) for one in (slow, other)]
    assert answers == [Delivery.IN_HAND, Delivery.DONE]
    assert Message.objects.get(pk=slow).state == MessageState.QUEUED
    assert Message.objects.get(pk=other).state == MessageState.SENT
    silence.heard(answers[0], 5)
    assert silence.lasts()  # nothing was heard of the server
    silence.heard(answers[1], 5)
    assert not silence.lasts()
