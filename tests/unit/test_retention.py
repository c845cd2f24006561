"""A Stripe event without the person in it says the same to the lifecycle."""

import json

import pytest

from inscrit.retention.events import facts_of
from inscrit.webhooks.notification import read, report_of

PERSON = {
    "customer_details": {"name": "Camille Martin", "email": "camille@example.org"},
    "customer_email": "camille@example.org",
    "payment_method_details": {"card": {"last4": "4242"}},
    "success_url": "https://example.org/registrations/reg-1?token=t0ken",
}
OBJECTS = {
    "checkout.session.completed": {
        "id": "cs_1", "payment_intent": "pi_1", "payment_status": "paid", "amount_total": 2500,
        "currency": "eur", "metadata": {"registrationId": "reg-1", "name": "Camille"},
    },
    "payment_intent.succeeded": {
        "id": "pi_1", "amount_received": 2500, "currency": "eur",
        "metadata": {"registrationId": "reg-1"},
    },
    "refund.updated": {
        "id": "re_1", "payment_intent": "pi_1", "amount": 5, "status": "succeeded",
        "metadata": {"refundNumber": "7"},
    },
    "charge.dispute.created": {
        "id": "dp_1", "payment_intent": "pi_1", "amount": 5, "status": "needs_response",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_facts_stay_and_the_person_goes(kind: str) -> None:
    event = {
        "id": "evt_1", "object": "event", "type": kind, "created": 1, "livemode": False,
        "api_version": "2026-10-28.endive", "request": {"id": "req_1"},
        "data": {"object": OBJECTS[kind] | PERSON},
    }  # fmt: skip
    payload = json.dumps(event)
    facts = facts_of(payload)
    for trace in ("Camille", "camille", "4242", "t0ken"):
        assert trace not in facts
    assert report_of(read(facts)) == report_of(read(payload))
    assert facts_of(facts) == facts


def test_odd_events_are_purged_too() -> None:
    odd = {"id": "evt_1", "type": "x", "created": 1, "livemode": False, "data": {"object": 7}}
    assert "data" in json.loads(facts_of(json.dumps(odd)))
