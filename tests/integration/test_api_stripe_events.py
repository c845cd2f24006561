"""The staff reads the webhook inbox, and applies an event again."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inscrit.registrations.models import JournalEntry, Registration
from inscrit.webhooks.models import StripeEvent

from .conftest import Caller, MakeCaller, content

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def received(number: int, **said: Any) -> StripeEvent:
    """A stored event whose payload is as good as Stripe's for what we read of it."""
    kind = said.setdefault("type", "charge.updated")
    thing = said.pop("object", {"id": "ch_1", "object": "charge"})
    body = {
        "id": f"evt_{number}",
        "type": kind,
        "created": 1760000000 + number,
        "livemode": False,
        "api_version": "2025-09-30.clover",
        "data": {"object": thing},
    }
    known = {
        "created": NOW,
        "livemode": False,
        "outcome": "ignored",
        "payload": json.dumps(body),
        "secret": "fingerprint",
        "duration_us": 900,
        "received_at": NOW + timedelta(seconds=number // 2),
    }
    return StripeEvent.objects.create(pk=f"evt_{number}", **known | said)


def test_the_inbox_is_for_the_staff(anybody: Caller, staff: MakeCaller) -> None:
    received(1)
    assert content(anybody.get("/stripe-events"), 401)["code"] == "unauthorized"
    assert anybody.get("/stripe-events/evt_1").status_code == 401
    assert anybody.post("/stripe-events/evt_1/replay").status_code == 401
    for role in ("secretary", "readonly"):
        assert len(content(staff(role).get("/stripe-events"))["items"]) == 1


def test_the_newest_come_first_page_by_page(organiser: Caller) -> None:
    for number in range(5):
        received(number)
    seen: list[str] = []
    path: str | None = "/stripe-events?limit=2"
    while path:
        page = content(organiser.get(path))
        seen += [event["id"] for event in page["items"]]
        path = f"/stripe-events?limit=2&cursor={page['next']}" if page["next"] else None
    assert seen == [f"evt_{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=checkout.session.expired", ["evt_2"]),
        ("outcome=rejected", ["evt_3"]),
        ("registration=reg-x", ["evt_3", "evt_2"]),
        ("registration=reg-x&outcome=ignored", ["evt_2"]),
        ("type=none", []),
    ],
)
def test_the_inbox_is_searched(organiser: Caller, query: str, found: list[str]) -> None:
    received(1)
    received(2, type="checkout.session.expired", registration_id="reg-x")
    received(3, outcome="rejected", registration_id="reg-x")
    page = content(organiser.get(f"/stripe-events?{query}"))
    assert [event["id"] for event in page["items"]] == found


@pytest.mark.parametrize("query", ["outcome=fine", "type=%00", "registration=%00", "cursor=W10"])
def test_a_search_that_cannot_be_is_refused(organiser: Caller, query: str) -> None:
    problem = content(organiser.get(f"/stripe-events?{query}"), 422)
    assert problem["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


def test_an_event_is_shown_as_stripe_sent_it(organiser: Caller) -> None:
    stored = received(1, object_id="ch_1")
    found = content(organiser.get("/stripe-events/evt_1"))
    assert found["payload"] == json.loads(stored.payload)
    assert (found["object"], found["registration"], found["signed_with"]) == (
        "ch_1",
        None,
        "fingerprint",
    )
    assert organiser.get("/stripe-events/evt_2").status_code == 404
    assert organiser.get("/stripe-events/%00").status_code == 404


def test_a_purged_event_has_no_payload_any_more(organiser: Caller) -> None:
    received(1, payload="")
    assert content(organiser.get("/stripe-events/evt_1"))["payload"] is None


def expired(organiser: Caller, anybody: Caller) -> str:
    """A registration that waits, and in the inbox the event that its session has expired."""
    made = anybody.register(organiser.open_event(), payment_method="cheque")
    # As if it were to be paid at Stripe, whom nobody asks here for a payment page.
    Registration.objects.filter(pk=made["id"]).update(payment_method="stripe")
    session = {
        "id": "cs_test_1",
        "object": "checkout.session",
        "metadata": {"registrationId": made["id"]},
    }
    received(1, type="checkout.session.expired", object=session, outcome="failed")
    found: str = made["id"]
    return found


def test_a_dry_run_changes_nothing(organiser: Caller, anybody: Caller, staff: MakeCaller) -> None:
    registration = expired(organiser, anybody)
    path = "/stripe-events/evt_1/replay?dry_run=true"
    said = content(staff("readonly").post(path))
    assert said == {
        "id": "evt_1",
        "outcome": "applied",
        "reason": "session_expired",
        "changes": ["PENDING → EXPIRED", "mail expired"],
        "dry_run": True,
    }
    assert Registration.objects.get(pk=registration).status == "PENDING"
    assert StripeEvent.objects.get().outcome == "failed"
    assert JournalEntry.objects.count() == 1


def test_an_event_is_applied_again(organiser: Caller, anybody: Caller, staff: MakeCaller) -> None:
    registration = expired(organiser, anybody)
    path = "/stripe-events/evt_1/replay"
    assert content(staff("readonly").post(path), 403)["code"] == "forbidden"
    assert content(staff("secretary").post(path))["outcome"] == "applied"
    assert Registration.objects.get(pk=registration).status == "EXPIRED"
    assert content(organiser.post(path))["outcome"] == "duplicate"
    assert organiser.post("/stripe-events/evt_9/replay").status_code == 404
    assert content(organiser.post(f"{path}?dry_run=perhaps"), 422)["errors"]
