"""Mails that the time asks for: to who has not paid yet, before an event, in the morning."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inscrit.events.models import Event
from inscrit.mail import delivery, digest, nudging, unsubscribing
from inscrit.mail.models import EventMails, Message, MessageKind, Sending, Unsubscribed
from inscrit.registrations.lifecycle import CancelRequested, ChargeRefunded, CheckoutExpired, Fact
from inscrit.registrations.models import Registration

from .conftest import Setting
from .mailserver import MailServer
from .test_audit import PRICE, accepted, completed, make_event, paid, payment_of, register, tell

pytestmark = pytest.mark.django_db

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def organiser(setting: Setting) -> str:
    setting(ORGANISER_EMAIL="bureau@example.org")
    return "bureau@example.org"


def minutes_ago(registration: Registration, minutes: int) -> Registration:
    """As if it had been made so long ago."""
    ago = timedelta(minutes=minutes)
    registration.created_at -= ago
    assert registration.hold_expires_at is not None
    registration.hold_expires_at -= ago
    registration.save(update_fields=["created_at", "hold_expires_at"])
    return registration


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def sent(kind: str) -> list[str | None]:
    rows = Message.objects.filter(kind=kind).order_by("pk")
    return list(rows.values_list("registration_id", flat=True))


def test_who_has_not_paid_after_ten_minutes_is_told_once_how_to() -> None:
    event = make_event()
    early, waiting = minutes_ago(register(event), 8), minutes_ago(register(event), 12)
    minutes_ago(register(event), 29)  # too late to be of help
    cheque = register(event, method="cheque")
    paid(event)
    assert nudging.tell_the_unpaid() == 1
    assert nudging.tell_the_unpaid() == 0
    assert sent("registered") == [cheque.pk, waiting.pk]
    minutes_ago(early, 4)
    assert nudging.tell_the_unpaid() == 1


def test_a_hold_of_a_day_is_another_rooms_to_tell() -> None:
    registration = register(make_event())
    registration.hold_expires_at = timezone.now() + timedelta(minutes=15)
    registration.created_at = timezone.now() - timedelta(hours=23)
    registration.save()
    assert nudging.tell_the_unpaid() == 0


def test_who_was_offered_a_place_just_now_knows_until_when() -> None:
    registration = minutes_ago(register(make_event()), 12)
    registration.offered_until = registration.hold_expires_at
    registration.save()
    assert nudging.tell_the_unpaid() == 0


@pytest.mark.parametrize("fact", ["paid", "expired", "cancelled"])
def test_what_was_settled_meanwhile_is_not_sent(server: MailServer, fact: str) -> None:
    registration = minutes_ago(register(make_event()), 12)
    nudging.tell_the_unpaid()
    facts: dict[str, Fact] = {
        "paid": completed(registration),
        "expired": CheckoutExpired(None),
        "cancelled": CancelRequested(refund=False),
    }
    tell(registration, facts[fact])
    news = registration.messages.latest("pk")
    delivery.deliver(news.pk)
    assert [str(mail["subject"]).count("payer") for mail in server.taken] == [0]
    unpaid = registration.messages.get(kind="registered")
    assert (unpaid.state, unpaid.attempts) == ("dropped", 0)
    assert unpaid.error


def test_the_unpaid_read_until_when_and_have_the_way_to_pay(server: MailServer) -> None:
    registration = minutes_ago(register(make_event(), people=2), 12)
    nudging.tell_the_unpaid()
    delivery.deliver(registration.messages.get().pk)
    (mail,) = server.taken
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Vos 2 places sont retenues" in text
    assert "20,00\u00a0€" in text
    assert registration.get_absolute_url() in text


def in_days(days: int) -> Event:
    day = datetime.combine(timezone.now().astimezone(PARIS).date(), datetime.min.time(), PARIS)
    starts = (day + timedelta(days=days)).replace(hour=18)
    return make_event(starts_at=starts, ends_at=starts + timedelta(hours=2))


def yesterday(registration: Registration) -> Registration:
    registration.created_at = timezone.now() - timedelta(days=30)
    registration.save(update_fields=["created_at"])
    return registration


def test_registrants_are_reminded_once_some_days_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = in_days(5)
    there, left = yesterday(paid(event)), yesterday(paid(event))
    tell(left, CancelRequested(refund=False))
    yesterday(register(event))
    due = nudging.due_at(event, 3)
    assert due.hour == 9
    at(monkeypatch, due - timedelta(minutes=1))
    assert nudging.remind() == 0
    at(monkeypatch, due + timedelta(minutes=1))
    assert nudging.remind() == 1
    assert nudging.remind() == 0
    assert sent("reminder") == [there.pk]


@pytest.mark.parametrize(("days", "told"), [(0, 0), (2, 0), (5, 1), (60, 1)])
def test_each_event_has_its_own_number_of_days(
    monkeypatch: pytest.MonkeyPatch, days: int, told: int
) -> None:
    event = in_days(4)
    registration = paid(event)
    registration.created_at = timezone.now() - timedelta(days=100)
    registration.save()
    EventMails.objects.create(event=event, reminder_days=days)
    at(monkeypatch, nudging.due_at(event, 3))
    assert nudging.remind() == told


def test_who_registers_after_the_reminders_is_not_reminded_of_what_was_only_just_read() -> None:
    event = in_days(2)
    paid(event)
    assert nudging.remind() == 0


def test_an_event_moved_to_another_day_is_told_of_again(monkeypatch: pytest.MonkeyPatch) -> None:
    event = in_days(5)
    yesterday(paid(event))
    at(monkeypatch, nudging.due_at(event, 3))
    assert nudging.remind() == 1
    event.starts_at += timedelta(days=2)
    event.ends_at += timedelta(days=2)
    event.save()
    assert nudging.remind() == 0
    at(monkeypatch, nudging.due_at(event, 3))
    assert nudging.remind() == 1


@pytest.mark.django_db(transaction=True)  # the page has a connection of its own
def test_a_reminder_is_ended_by_its_link_and_only_by_pressing(server: MailServer) -> None:
    event = in_days(3)
    registration = yesterday(paid(event))
    message = registration.messages.create(
        kind="reminder", key="x", recipient=registration.contact_email, locale="fr"
    )
    delivery.deliver(message.pk)
    mail = server.taken[-1]
    assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    link = str(mail["list-unsubscribe"]).strip(" <>").removeprefix("http://localhost:8000")
    client = Client(enforce_csrf_checks=True)
    assert client.get(link).status_code == 200
    assert not Unsubscribed.objects.exists()
    for _ in range(2):
        assert client.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Unsubscribed.objects.get().kind == "reminder"
    assert client.post(link + "x").status_code == 404
    Message.objects.filter(kind="reminder").delete()
    assert nudging.remind() == 0
    registration.messages.filter(kind="confirmed").update(state="queued")
    delivery.deliver(registration.messages.get(kind="confirmed").pk)
    assert [mail["subject"] for mail in server.taken].count(mail["subject"]) == 1
    assert len(server.taken) == 3  # what is no reminder still comes


def noon_today() -> datetime:
    return datetime.now(PARIS).replace(hour=12, minute=0)


def test_the_digest_comes_once_a_day_from_its_hour_on(
    monkeypatch: pytest.MonkeyPatch, organiser: str, server: MailServer
) -> None:
    paid(make_event(title="Kermesse"))
    tomorrow = noon_today() + timedelta(days=1)
    at(monkeypatch, tomorrow.replace(hour=6, minute=59))
    assert not digest.tell()
    at(monkeypatch, tomorrow.replace(hour=7))
    assert digest.tell()
    assert not digest.tell()
    message = Message.objects.get(kind=MessageKind.ORGANISER_DIGEST)
    delivery.deliver(message.pk)
    (mail,) = server.taken
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert mail["to"] == organiser
    assert mail["subject"] == "Hier\u00a0: 1 nouvelle inscription"
    assert "Kermesse" in text
    assert "Encaissé en tout\u00a0: 10,00\u00a0€" in text
    assert "confirmées\u00a0: 1, retenues\u00a0: 0, libres\u00a0: 19 sur 20" in text
    kept = Sending.objects.get(message=message)
    assert kept.subject == mail["subject"]
    # Whoever reads the outbox asks for nothing in the reader's name.
    assert unsubscribing.token(message) in text
    assert unsubscribing.token(message) not in kept.text + kept.html
    assert f"/no-more-mail/{message.pk}/…" in kept.text


def test_no_digest_when_nothing_is_on(monkeypatch: pytest.MonkeyPatch, organiser: str) -> None:
    at(monkeypatch, noon_today())
    assert not digest.tell()
    make_event(status="draft")
    assert not digest.tell()
    make_event()
    assert digest.tell()


@pytest.mark.parametrize("way", ["setting", "link", "nobody"])
def test_the_digest_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch, setting: Setting, organiser: str, way: str
) -> None:
    make_event()
    if way == "setting":
        setting(DIGEST_HOUR="off")
    elif way == "link":
        Unsubscribed.objects.create(address=organiser.upper(), kind="organiser_digest")
    else:
        setting(ORGANISER_EMAIL=None)
    at(monkeypatch, noon_today())
    assert not digest.tell()


def test_what_needs_a_person_stands_in_the_digest(organiser: str) -> None:
    paid(make_event()).messages.update(state="failed")
    figures = digest.figures_of(timezone.localdate())
    assert any(str(line).startswith("1 ") for line in figures["waiting"])


def test_the_digest_tells_what_came_not_what_was_agreed(organiser: str) -> None:
    event = make_event()
    wrong = accepted(event, 600)
    tell(wrong, ChargeRefunded(payment_of(wrong), 200))
    paid(event)
    (found,) = digest.events_of(timezone.localdate())
    assert (found.received, found.kept) == (600 + PRICE, 400 + PRICE)


DAY = datetime(2026, 3, 29, tzinfo=PARIS).date()  # it has 23 hours: clocks go forward
MOMENTS = st.integers(-30 * 60, 54 * 60).map(
    lambda minutes: datetime(2026, 3, 28, 23, tzinfo=UTC) + timedelta(minutes=minutes)
)
STATUSES = ("PENDING", "PAID", "FREE", "EXPIRED", "CANCELLED", "REFUNDED", "PROCESSING", "FAILED")


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    status = draw(st.sampled_from(STATUSES))
    amount = 0 if status == "FREE" else draw(st.integers(1, 9000))
    was_paid = status in ("PAID", "REFUNDED") or (status == "CANCELLED" and draw(st.booleans()))
    created = draw(MOMENTS)
    return {
        "status": status,
        "amount": amount,
        "amount_refunded": draw(st.integers(0, amount)) if was_paid else 0,
        "places": draw(st.integers(1, 4)),
        "created_at": created,
        "paid_at": draw(MOMENTS) if was_paid else None,
        "hold_expires_at": created if status == "PENDING" else None,
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(rows(), max_size=8))
def test_the_figures_are_those_of_the_registrations(made: list[dict[str, Any]]) -> None:
    Registration.objects.all().delete()
    Event.objects.all().delete()
    event = make_event(capacity=None)
    Registration.objects.bulk_create(
        Registration(event=event, contact_email="a@example.org", locale="fr", currency="eur", **one)
        for one in made
    )

    def is_that_day(moment: datetime | None) -> bool:
        return moment is not None and moment.astimezone(PARIS).date() == DAY

    (found,) = digest.events_of(DAY)
    new = [one for one in made if is_that_day(one["created_at"])]
    live = ("PENDING", "PROCESSING", "PAID", "FREE")
    assert found.new == len(new)
    assert found.new_places == sum(one["places"] for one in new)
    assert found.received == sum(one["amount"] for one in made if is_that_day(one["paid_at"]))
    assert found.registrations == sum(one["status"] in live for one in made)
    assert found.kept == sum(
        one["amount"] - one["amount_refunded"] for one in made if one["paid_at"]
    )
    figures = digest.figures_of(DAY)
    assert figures["received"] == [(found.received, "eur")]
    assert figures["new"] == found.new
