"""Stripe's events at the desk: what each said, what it changed, and applying it again."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from inscrit import config
from inscrit.registrations.lifecycle import DisputeStatus
from inscrit.registrations.models import Registration
from inscrit.webhooks import services, signature
from inscrit.webhooks.models import StripeEvent

from .desk import address, asked, chosen, done, listed, organiser, reader, seen, text_of
from .test_audit import PRICE, completed, make_event, paid, payment_of, register, tell

pytestmark = pytest.mark.django_db(transaction=True)
MINE = signature.secrets(config.current().stripe_webhook_secrets)[0].fingerprint


@pytest.fixture
def desk() -> Client:
    return organiser()


def expired(registration: Registration, **said: Any) -> StripeEvent:
    """The inbox has it that this registration's payment page was closed."""
    metadata = {"registrationId": registration.pk}
    url = f"https://example.org/registrations/{registration.pk}?token={registration.token}"
    return stored(
        "checkout.session.expired",
        {"id": "cs_9", "object": "checkout.session", "metadata": metadata, "success_url": url},
        **{"registration_id": registration.pk, **said},
    )


def stored(type_: str, obj: dict[str, Any], **said: Any) -> StripeEvent:
    number = f"evt_3A{StripeEvent.objects.count()}"
    body = {
        "id": number,
        "type": type_,
        "created": 1,
        "livemode": False,
        "data": {"object": obj},
    }
    return StripeEvent.objects.create(
        **{
            "id": number,
            "type": type_,
            "created": datetime(2026, 11, 1, tzinfo=UTC),
            "livemode": False,
            "outcome": "failed",
            "reason": "DeadlockDetected 40P01",
            "object_id": obj["id"],
            "payload": json.dumps(body),
            "secret": MINE,
            "duration_us": 1840,
            **said,
        }
    )


def test_the_page_says_in_words_what_came_and_why_nothing_was_changed(desk: Client) -> None:
    event = expired(register(make_event()), deliveries=3, attempts=2)
    page = seen(desk, event)
    assert "A payment page was closed unpaid · Our own error" in page
    assert "It changed nothing. An error of our own kept it from being applied." in page
    assert "DeadlockDetected 40P01" in page
    assert "What to do: It is tried again by itself." in page
    assert "Deliveries: 3 Attempts: 2" in page
    assert "Time it took: 1.8 ms" in page
    assert f"Signing secret: in use {MINE}" in page
    assert "Mode: test mode" in page


def test_in_french() -> None:
    page = seen(organiser("fr"), expired(register(make_event())))
    assert "Une page de paiement s’est fermée sans paiement · Erreur de notre part" in page
    assert "Il n’a rien changé." in page
    assert "Durée : 1,8 ms" in page


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"outcome": "failed", "next_try_at": None}, "Next try: none: given up"),
        ({"outcome": "applied", "reason": "session_expired"}, "Next try: none is needed"),
        (
            {"outcome": "failed", "next_try_at": datetime(2030, 1, 2, 3, 4, tzinfo=UTC)},
            "Next try: Jan. 2, 2030, 4:04 a.m.",
        ),
        ({"secret": "0123456789ab"}, "no longer in use 0123456789ab"),
    ],
)
def test_what_becomes_of_it_next(desk: Client, said: dict[str, Any], told: str) -> None:
    assert told in seen(desk, expired(register(make_event()), **said))


def test_the_page_shows_what_it_changed(desk: Client) -> None:
    registration = register(make_event())
    event = expired(registration)
    services.replay(event.pk)
    page = seen(desk, event)
    assert "This is what it changed:" in page
    assert "Waiting for payment → Expired Time to pay ran out" in page
    assert registration.pk in page


def test_the_registrants_token_is_nowhere(desk: Client) -> None:
    registration = register(make_event())
    event = expired(registration)
    assert registration.token not in desk.get(address(event, "change")).content.decode()
    assert f"/registrations/{registration.pk}?token=" in seen(desk, event)


@pytest.mark.parametrize(
    "query",
    ["evt_3A0", "cs_9", "pi_3Bx", "checkout.session.expired", "failed", "{registration}"],
)
def test_it_is_found_by_whatever_is_known_of_it(desk: Client, query: str) -> None:
    registration = register(make_event())
    expired(registration, payment_key="pi_3Bx")
    found = listed(desk, StripeEvent, "?q=" + query.format(registration=registration.pk))
    assert "1 Stripe event" in found
    assert "A payment page was closed unpaid checkout.session.expired" in found
    assert "Our own error An error of our own kept it" in found
    assert "0 Stripe events" in listed(desk, StripeEvent, "?q=something+else")


def test_the_list_is_narrowed_by_what_stripe_says(desk: Client) -> None:
    expired(register(make_event()))
    stored("charge.succeeded", {"id": "ch_1"}, outcome="ignored", reason="type_only_logged")
    assert "1 Stripe event" in listed(desk, StripeEvent, "?type=checkout.session.expired")
    other = listed(desk, StripeEvent, "?type=other")
    assert "Only logged Messages of this kind are only kept." in other
    assert "1 Stripe event" in other


def test_it_is_applied_again(desk: Client) -> None:
    registration = register(make_event())
    event = expired(registration)
    assert "as if Stripe had sent it just now" in asked(desk, event, "replay")
    registration.refresh_from_db()
    assert registration.status == "PENDING"
    told = done(desk, event, "replay")
    assert "Applied again: Applied. Time to pay ran out" in told
    assert "The registration becomes “Expired”. Its place becomes free." in told
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.outcome, event.attempts) == ("EXPIRED", "applied", 2)
    entry = registration.journal.latest("id")
    assert (entry.actor, entry.stripe_event) == ("admin:marie-en", event.pk)


def test_what_would_happen_is_told_and_nothing_is_done(desk: Client) -> None:
    registration = register(make_event())
    event = expired(registration)
    told = text_of(desk.post(address(event, "dry-run"), follow=True))
    assert "If it were applied again: Applied." in told
    assert "The registration becomes “Expired”." in told
    assert "So far nothing was done." in told
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.outcome, event.attempts) == ("PENDING", "failed", 1)
    assert desk.get(address(event, "dry-run")).status_code == 405


def test_what_would_change_nothing_says_so(desk: Client) -> None:
    registration = paid(make_event())
    event = expired(registration)
    told = text_of(desk.post(address(event, "dry-run"), follow=True))
    assert "Only logged. In the registration’s present state this changes nothing." in told
    assert "Nothing changes." in told


def test_our_own_error_is_one_line(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    event = expired(register(make_event()))

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services, "report_of", broken)
    line = "An error of our own kept it from being applied: ZeroDivisionError. Nothing was changed."
    assert line in done(desk, event, "replay")
    assert line in text_of(desk.post(address(event, "dry-run"), follow=True))
    assert line in chosen(desk, "replay", event)
    event.refresh_from_db()
    assert (event.outcome, event.attempts) == ("failed", 1)


def test_some_are_applied_again_the_oldest_first(desk: Client) -> None:
    registration = register(make_event())
    first = expired(registration, received_at=timezone.now() - timedelta(hours=1))
    second = expired(registration)
    told = chosen(desk, "dry_run", second, first)
    assert told.count("becomes “Expired”") == 2
    told = chosen(desk, "replay", second, first)
    assert told.index(first.pk[4:]) < told.index("becomes “Expired”") < told.index(second.pk[4:])
    assert "Already known. This was known already." in told


def test_an_event_that_came_too_early_leads_to_its_registration_once_it_is_applied(
    desk: Client,
) -> None:
    """A dispute names no registration; once its payment is known, the inbox knows whose it is."""
    registration = register(make_event())
    key = f"pi_{registration.pk}_1"
    obj = {
        "id": "dp_1",
        "payment_intent": key,
        "status": DisputeStatus.NEEDS_RESPONSE,
        "amount": PRICE,
    }
    tell(registration, completed(registration))
    assert payment_of(registration) == key
    early = {"outcome": "unmatched", "reason": "unknown_payment", "payment_key": key}
    event = stored("charge.dispute.created", obj, **early)
    assert "about a payment that is not known here" in seen(desk, event)
    done(desk, event, "replay")
    event.refresh_from_db()
    assert event.registration_id == registration.pk
    assert "A buyer disputes a payment · Applied This is what it changed:" in seen(desk, event)


def test_what_names_a_registration_that_is_not_here_leads_nowhere(desk: Client) -> None:
    event = expired(
        Registration(pk="reg-elsewhere"), outcome="unmatched", reason="unknown_registration"
    )
    body = desk.get(address(event, "change")).content.decode()
    assert "reg-elsewhere" in body
    assert address(Registration(pk="reg-elsewhere"), "change") not in body


def test_what_needs_nobody_any_more_is_set_aside(desk: Client) -> None:
    event = expired(register(make_event()))
    StripeEvent.objects.update(next_try_at=timezone.now())
    assert "1 Stripe event" in listed(desk, StripeEvent, "?attention=yes")
    assert "Set aside." in done(desk, event, "set-aside")
    event.refresh_from_db()
    assert (event.set_aside_by, event.next_try_at) == ("admin:marie-en", None)
    assert "0 Stripe events" in listed(desk, StripeEvent, "?attention=yes")
    assert address(event, "set-aside") not in desk.get(address(event, "change")).content.decode()


def test_only_what_waits_for_a_person_is_set_aside_from_the_list(desk: Client) -> None:
    waits = expired(register(make_event()))
    settled = stored("charge.succeeded", {"id": "ch_1"}, outcome="ignored", reason="x")
    assert "Done: 1" in chosen(desk, "set_aside", waits, settled)
    settled.refresh_from_db()
    assert settled.set_aside_by == ""


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ({"outcome": "failed"}, True),
        ({"outcome": "failed", "set_aside_by": "admin:marie"}, False),
        ({"outcome": "rejected", "reason": "not JSON", "registration_id": ""}, True),
        ({"outcome": "rejected", "reason": "amount_mismatch"}, False),
        ({"outcome": "unmatched", "reason": "unknown_registration"}, True),
        (
            {
                "outcome": "unmatched",
                "reason": "unknown_registration",
                "next_try_at": datetime(2030, 1, 1, tzinfo=UTC),
            },
            False,
        ),
        ({"outcome": "unmatched", "reason": "no_registration_id", "registration_id": ""}, False),
        ({"outcome": "unmatched", "reason": "unknown_payment", "registration_id": ""}, False),
        ({"outcome": "applied", "reason": "session_expired"}, False),
    ],
)
def test_what_nobody_else_will_notice_waits_for_a_person(
    desk: Client, said: dict[str, Any], *, waits: bool
) -> None:
    expired(register(make_event()), **said)
    found = listed(desk, StripeEvent, "?attention=yes")
    assert ("1 Stripe event" in found) is waits


def test_who_may_only_look_may_ask_but_not_act() -> None:
    paul = reader()
    registration = register(make_event())
    event = expired(registration)
    page = seen(paul, event)
    assert "What would happen if it were applied again?" in page
    assert "set aside" not in page.lower().replace("set aside by", "")
    told = text_of(paul.post(address(event, "dry-run"), follow=True))
    assert "The registration becomes “Expired”." in told
    for deed in ("replay", "set-aside"):
        assert paul.get(address(event, deed)).status_code == 403
        assert paul.post(address(event, deed)).status_code == 403
    for action in ("replay", "set_aside"):
        chosen(paul, action, event)
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.outcome, event.set_aside_by) == ("PENDING", "failed", "")
