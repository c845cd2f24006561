"""What an operator sees of a running installation: the audit and the metrics."""

import json

from .conftest import OpenEvent
from .installation import Installation, eventually

MAILS_SENT = 'inscrit_emails_total{kind="confirmed",result="sent"}'


def sample(installation: Installation, name: str) -> float | None:
    lines = installation.web.get("/metrics").raise_for_status().text.splitlines()
    found = (line.rpartition(" ")[2] for line in lines if line.startswith(f"{name} "))
    return next((float(value) for value in found), None)


def test_the_audit_finds_nothing_wrong_with_a_purchase(
    installation: Installation, open_event: OpenEvent
) -> None:
    made = installation.register(open_event()["id"]).json()
    installation.pay(made)
    installation.await_status(made, "PAID")
    assert "❌" not in installation.command("audit")
    said = json.loads(installation.command("audit", "--json"))
    assert said["ok"] is True
    assert said["breaches"] == []


def test_the_web_side_tells_of_the_mails_that_the_worker_sent(
    installation: Installation, open_event: OpenEvent
) -> None:
    before = sample(installation, MAILS_SENT) or 0
    made = installation.register(open_event(price=0)["id"]).json()
    installation.await_mails(made)
    eventually(
        lambda: (sample(installation, MAILS_SENT) or 0) > before, "the mail is counted on the web"
    )


def test_the_metrics_answer_while_the_database_is_down(installation: Installation) -> None:
    assert sample(installation, "inscrit_stripe_events_unprocessed") is not None
    installation.stop_database()
    try:
        eventually(
            lambda: sample(installation, "inscrit_stripe_events_unprocessed") is None,
            "what the database tells is left out",
        )
        assert sample(installation, "inscrit_webhook_signature_failures_total") is not None
    finally:
        installation.start_database()
    eventually(
        lambda: sample(installation, "inscrit_stripe_events_unprocessed") is not None,
        "the database is asked again",
    )
    # The lane finds out at its next webhook that its connection is gone, and Stripe repeats that.
    body = installation.event_payload("customer.created", {"id": "cus_1"}, "evt_after_the_outage")
    eventually(lambda: installation.deliver(body).status_code == 200, "webhooks are taken again")
