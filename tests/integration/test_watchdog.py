"""The watchdog: what it remembers, tells and stops, and how it is put right again."""

import threading
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from inscrit.events.models import Event
from inscrit.mail.models import Message, MessageKind
from inscrit.monitoring import audit
from inscrit.monitoring.checks import INVARIANTS
from inscrit.reconciliation.models import ReconciliationRun
from inscrit.registrations import services
from inscrit.registrations.lifecycle import CancelRequested
from inscrit.registrations.models import Registration
from inscrit.watchdog import places, tasks
from inscrit.watchdog import services as watchdog
from inscrit.watchdog.models import AuditRun

from .conftest import Caller, Setting, content, order
from .test_audit import (
    busy_database,
    change_a_status_by_hand,
    confirm_by_no_mail,
    forget_an_event,
    inscrit_audit,
    make_event,
    paid,
    register,
    spoil_a_counter,
    tell,
)

pytestmark = pytest.mark.django_db(transaction=True)

TEN_PAST_TEN = datetime(2026, 7, 1, 10, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def organiser_email(setting: Setting) -> None:
    setting(ORGANISER_EMAIL="organiser@example.org", LANGUAGE_CODE="en")


@pytest.fixture
def desk() -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(User.objects.create_superuser("marie", "marie@example.org", "x"))
    return client


def alerts() -> list[dict[str, str]]:
    told = Message.objects.filter(kind=MessageKind.ORGANISER_ALERT).order_by("pk")
    return [message.context for message in told]


def spoiled_event() -> Event:
    return Event.objects.get(pk=spoil_a_counter())


def test_a_healthy_database_is_remembered_and_nobody_is_told() -> None:
    busy_database()
    async_to_sync(tasks.watch.func)(0)
    run = AuditRun.objects.get()
    assert run.counts == dict.fromkeys(INVARIANTS, 0)
    assert run.breaches == []
    assert alerts() == []


def test_a_breach_is_told_once_and_again_when_it_is_gone() -> None:
    subject = forget_an_event()
    for _ in range(3):
        watchdog.watch()
    (told,) = alerts()
    assert told["subject"] == "1 thing is not as it should be"
    assert subject in told["text"]
    assert f"inscrit replay {subject}" in told["text"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE webhooks_stripeevent SET outcome = 'applied'")
    for _ in range(3):
        watchdog.watch()
    assert [one["subject"] for one in alerts()] == [
        "1 thing is not as it should be",
        "Everything is as it should be again",
    ]
    assert subject in alerts()[-1]["text"]


def test_only_what_is_new_is_told() -> None:
    first = forget_an_event()
    watchdog.watch()
    second, third = confirm_by_no_mail(), change_a_status_by_hand()
    with capture_logs() as lines:
        watchdog.watch()
    told = alerts()[-1]
    assert told["subject"] == "2 things are not as they should be"
    assert second in told["text"]
    assert third in told["text"]
    assert first not in told["text"]
    broken = [line["subject"] for line in lines if line["event"].startswith("🚨 Invariant broken")]
    assert broken == [second, third]


def test_a_part_put_right_is_told_as_a_part() -> None:
    forget_an_event()
    change_a_status_by_hand()
    watchdog.watch()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE webhooks_stripeevent SET outcome = 'applied'")
    watchdog.watch()
    assert alerts()[-1]["subject"] == "1 thing has been put right"


def test_the_organiser_is_told_in_the_language_of_the_installation(
    setting: Setting,
) -> None:
    setting(LANGUAGE_CODE="fr")
    forget_an_event()
    watchdog.watch()
    message = Message.objects.get(kind=MessageKind.ORGANISER_ALERT)
    assert message.locale == "fr"
    assert "L’événement Stripe evt_lost" in message.context["text"]


def test_very_many_breaches_are_all_counted_and_the_first_ones_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watchdog, "MOST_REMEMBERED", 3)
    monkeypatch.setattr(watchdog, "MOST_TOLD", 2)
    event = make_event()
    for _ in range(5):
        paid(event)
    Message.objects.all().delete()
    for _ in range(2):
        watchdog.watch()
    run = AuditRun.objects.first()
    assert run is not None
    assert run.counts["once"] == 5
    assert len(run.breaches) == 3
    (told,) = alerts()
    assert "inscrit audit shows all" in told["text"]


def test_old_looks_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "RUNS_KEPT", 2)
    for _ in range(4):
        watchdog.watch()
    assert AuditRun.objects.count() == 2


def test_sales_stop_while_the_places_are_counted_wrong() -> None:
    other = make_event()
    event = spoiled_event()
    watchdog.watch()
    event.refresh_from_db()
    assert event.sales_stopped_at is not None
    assert "counts 0 places as confirmed and 3 as held" in event.sales_stopped_reason
    (told,) = alerts()
    assert "Sales of “Sortie” are stopped" in told["text"]
    assert not event.is_on_sale(timezone.now())
    with pytest.raises(services.SalesClosed):
        register(event)
    assert register(other).status == "PENDING"


def test_who_counted_again_is_reminded_to_open_sales() -> None:
    event = spoiled_event()
    watchdog.watch()
    places.count_again(event.pk)
    watchdog.watch()
    assert "Sales of “Sortie” are still stopped" in alerts()[-1]["text"]


def test_who_was_about_to_register_when_sales_stopped_is_refused() -> None:
    event = spoiled_event()
    seen = Event.objects.get(pk=event.pk)
    places.stop_sales(event.pk, "counted wrong")
    assert seen.is_on_sale(timezone.now())
    waiting = Registration.objects.get(event=event)
    with pytest.raises(services.SalesClosed), transaction.atomic():
        services._take_places(seen, waiting)
    event.refresh_from_db()
    assert event.held == 3


def test_page_and_api_say_that_sales_are_closed(anybody: Caller) -> None:
    event = spoiled_event()
    places.stop_sales(event.pk, "counted wrong")
    page = Client(headers={"accept-language": "en"}).get(event.get_absolute_url())
    assert "Registration is closed for the moment" in page.content.decode()
    assert "counted wrong" not in page.content.decode()
    said = content(anybody.post(f"/events/{event.pk}/registrations", order()), 409)
    assert said["code"] == "sales_closed"


def test_sales_are_not_stopped_without_a_cause_nor_twice() -> None:
    event = make_event()
    assert not places.stop_sales(event.pk, "no cause")
    draft = spoiled_event()
    Event.objects.filter(pk=draft.pk).update(status="draft")
    assert not places.stop_sales(draft.pk, "not sold")
    wrong = spoiled_event()
    assert places.stop_sales(wrong.pk, "first")
    assert not places.stop_sales(wrong.pk, "second")
    wrong.refresh_from_db()
    assert wrong.sales_stopped_reason == "first"


def act(desk: Client, event: Event) -> str:
    said = {"action": "open_sales", "_selected_action": [event.pk]}
    page = desk.post(reverse("admin:events_event_changelist"), said, follow=True)
    return page.content.decode()


def test_the_desk_sees_it_in_red_and_opens_sales_once_the_counters_agree(desk: Client) -> None:
    event = spoiled_event()
    places.stop_sales(event.pk, "counted wrong")
    for page in ("admin:events_event_changelist", "admin:events_event_change"):
        args = [event.pk] if page.endswith("change") else []
        seen = desk.get(reverse(page, args=args)).content.decode()
        assert "Stopped" in seen
    assert "counted wrong" in seen
    assert "the counters still differ" in act(desk, event)
    event.refresh_from_db()
    assert event.sales_stopped_at is not None
    assert places.count_again(event.pk)
    assert "Done: 1" in act(desk, event)
    event.refresh_from_db()
    assert event.sales_stopped_reason == ""
    assert register(event).status == "PENDING"


def test_the_first_page_of_the_back_office_counts_what_waits_for_a_person(desk: Client) -> None:
    index = reverse("admin:index")
    assert "attention" not in desk.get(index).content.decode()
    event = spoiled_event()
    forget_an_event()
    tell(paid(event), CancelRequested(refund=False))
    Message.objects.filter(kind="confirmed").update(state="failed")
    watchdog.watch()
    page = desk.get(index)
    assert {one.label for one in page.context["waiting"]} == {
        "1 registration to be looked at",
        "1 event whose sales are stopped",
        "2 e-mails that could not be delivered",
        "1 message from Stripe that could not be applied",
        "2 breaches found by the watchdog",
    }
    for one in page.context["waiting"]:
        assert one.address in page.content.decode()
        assert desk.get(one.address).status_code == 200


def test_who_may_see_nothing_is_told_nothing(desk: Client) -> None:
    forget_an_event()
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", "c@example.org", "x", is_staff=True))
    assert "attention" not in clerk.get(reverse("admin:index")).content.decode()


def test_the_desk_reads_what_an_audit_found(desk: Client) -> None:
    forget_an_event()
    run = watchdog.watch()
    page = desk.get(reverse("admin:watchdog_auditrun_change", args=[run.pk])).content.decode()
    assert "evt_lost" in page
    assert desk.get(reverse("admin:watchdog_auditrun_changelist")).status_code == 200


def test_the_command_counts_the_places_again() -> None:
    event = spoiled_event()
    done = inscrit_audit("--mend-counters")
    assert done.returncode == 0, done.stdout
    assert f"🔧 Places counted again: {event.pk} confirmed=0→1 held=3→0" in done.stdout
    event.refresh_from_db()
    assert (event.confirmed, event.held) == (1, 0)
    assert audit.run().breaches == []


def test_counting_again_refuses_to_oversell() -> None:
    event = make_event(capacity=2)
    register(event, people=2)
    Event.objects.filter(pk=event.pk).update(held=0, capacity=1)
    done = inscrit_audit("--mend-counters")
    assert done.returncode == 1
    assert f"the registrations of {event.pk} take 2 places, and it has 1" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    event.refresh_from_db()
    assert event.held == 0


def test_counting_again_waits_for_whoever_moves_places() -> None:
    """A registration that is being made is counted, though it is committed only meanwhile."""
    event = spoiled_event()
    inserted, go_on = threading.Event(), threading.Event()

    def buy() -> None:
        with transaction.atomic():
            register(event, people=2)
            inserted.set()
            go_on.wait(30)
        connection.close()

    def count() -> None:
        places.count_again(event.pk)
        connection.close()

    buyer, counting = threading.Thread(target=buy), threading.Thread(target=count)
    buyer.start()
    assert inserted.wait(30)
    counting.start()
    go_on.set()
    for thread in (buyer, counting):
        thread.join()
    event.refresh_from_db()
    assert (event.confirmed, event.held) == (1, 2)


@pytest.mark.parametrize(
    "run", [AuditRun(at=TEN_PAST_TEN), ReconciliationRun(started_at=TEN_PAST_TEN)]
)
def test_a_run_is_called_by_the_time_on_the_organisers_clock(run: Model) -> None:
    assert "12:10" in str(run)
