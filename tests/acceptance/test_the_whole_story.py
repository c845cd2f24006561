"""The main job over HTTP, with the real processes."""

import asyncio
import http.client
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from .conftest import OpenEvent
from .installation import SECRET, SIGNATURE_FAILED, Installation, eventually, session_of


def test_a_parent_registers_two_children_pays_and_is_confirmed(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    made = installation.register(event["id"])
    assert made.status_code == 201, made.text
    registration = made.json()
    assert registration["status"] == "PENDING"
    assert registration["amount"] == 5000
    assert registration["places"] == 2
    assert datetime.fromisoformat(registration["hold_expires_at"]).tzinfo is not None
    assert re.fullmatch(r"reg-[a-z0-9]{20}", registration["id"])
    held = installation.places(event["id"])
    assert (held["held"], held["confirmed"], held["remaining"]) == (2, 0, 8)
    assert held["next_release_at"] is not None

    back = installation.pay(registration)
    assert back.status_code == 303

    paid = installation.await_status(registration, "PAID")
    assert paid["paid_at"] is not None
    assert paid["review"] is None
    eventually(
        lambda: (
            installation.places(event["id"])
            == {"capacity": 10, "confirmed": 2, "held": 0, "remaining": 8, "next_release_at": None}
        ),
        "the places have moved",
    )
    (mail,) = installation.await_mails(registration)
    assert mail["to"] == "parent@example.org"
    assert "50,00" in mail["text"]
    for line in (
        "🔔 Received Stripe event: checkout.session.completed",
        f"✅ Checkout completed for session: {session_of(registration)}",
        f"✅ Payment confirmed for registration: {registration['id']}",
    ):
        eventually(lambda line=line: begins(installation.log, line), line)  # type: ignore[misc]
    assert "parent@example.org" not in installation.log
    assert SECRET not in installation.log


def begins(log: str, line: str) -> bool:
    return any(each.startswith(line) for each in log.splitlines())


def test_the_session_asks_for_one_fixed_amount_and_names_the_registration(
    installation: Installation, open_event: OpenEvent
) -> None:
    made = installation.register(open_event()["id"]).json()
    session = installation.session(made)
    assert session["client_reference_id"] == made["id"]
    assert session["metadata"] == {"registrationId": made["id"]}
    assert session["amount_total"] == 5000
    assert session["currency"] == "eur"
    assert session["locale"] == "fr"
    assert session["customer_email"] == "parent@example.org"
    assert not session["allow_promotion_codes"]
    assert session["expires_at"] - session["created"] >= 30 * 60


def test_a_buyer_who_comes_back_finds_the_same_open_session(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    key = {"Idempotency-Key": f"again-{event['id']}"}
    order = {
        "contact": {"name": "Parent", "email": "parent@example.org"},
        "participants": [{"first_name": "A", "last_name": "B"}],
    }
    path = f"/api/v1/events/{event['id']}/registrations"
    first = installation.web.post(path, json=order, headers=key).json()
    second = installation.web.post(path, json=order, headers=key).json()
    assert second["id"] == first["id"]
    assert second["checkout_url"] == first["checkout_url"]
    assert installation.places(event["id"])["held"] == 1
    other = order | {"participants": [{"first_name": "C", "last_name": "D"}]}
    assert installation.web.post(path, json=other, headers=key).status_code in (409, 422)


def test_a_declined_card_keeps_the_places_and_the_next_card_confirms(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    made = installation.register(event["id"]).json()
    assert installation.pay(made, card="4000000000000002").status_code != 303
    line = f"💥 Payment failed for registration: {made['id']}"
    eventually(lambda: begins(installation.log, line), line)
    assert installation.places(event["id"])["held"] == 2
    assert installation.pay(made).status_code == 303
    installation.await_status(made, "PAID")


def test_an_abandoned_checkout_gives_its_places_back(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    made = installation.register(event["id"]).json()
    session = session_of(made)
    installation.control(f"/sessions/{session}/expire")
    installation.await_status(made, "EXPIRED")
    line = f"⏰ Session expired, places released for registration: {made['id']}"
    eventually(lambda: begins(installation.log, line), line)
    eventually(
        lambda: installation.places(event["id"])["remaining"] == 10, "all places are free again"
    )
    (mail,) = installation.await_mails(made)
    assert mail["subject"]


def test_the_same_webhook_ten_times_at_once_confirms_once(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    made = installation.register(event["id"]).json()
    session = installation.session(made)
    session |= {"status": "complete", "payment_status": "paid", "payment_intent": "pi_ten_times"}
    body = installation.event_payload("checkout.session.completed", session, "evt_ten_times")

    async def deliver_ten() -> list[int]:
        import stripe

        header = stripe.WebhookSignature.generate_signature_header(body, SECRET)
        async with httpx.AsyncClient(base_url=installation.site, timeout=30) as client:
            answers = await asyncio.gather(
                *(
                    client.post(
                        "/stripe/webhooks", content=body, headers={"stripe-signature": header}
                    )
                    for _ in range(10)
                )
            )
        return [answer.status_code for answer in answers]

    assert asyncio.run(deliver_ten()) == [200] * 10
    found = installation.registration(made)
    assert found["status"] == "PAID"
    assert installation.places(event["id"])["confirmed"] == 2
    assert len(installation.await_mails(made)) == 1
    log = installation.log
    assert log.count(f"✅ Payment confirmed for registration: {made['id']}") == 1


def test_two_buyers_for_the_last_place_one_is_seated_and_one_is_told(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(capacity=1)

    async def both() -> list[httpx.Response]:
        order = {
            "contact": {"name": "Parent", "email": "parent@example.org"},
            "participants": [{"first_name": "A", "last_name": "B"}],
        }
        path = f"/api/v1/events/{event['id']}/registrations"
        async with httpx.AsyncClient(base_url=installation.site, timeout=30) as client:
            posts = [client.post(path, json=order) for _ in range(2)]
            return list(await asyncio.gather(*posts))

    answers = sorted(asyncio.run(both()), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [201, 409]
    refused = answers[1].json()
    assert refused["code"] == "sold_out"
    assert refused["remaining"] == 0
    assert installation.places(event["id"])["held"] == 1


def test_the_dashboards_test_event_is_answered_and_stored_as_unmatched(
    installation: Installation, organiser: httpx.Client
) -> None:
    event = installation.control("/test_event", type="checkout.session.completed")
    stored = eventually(lambda: inbox(organiser, event["id"]), "the event is in the inbox")
    assert stored["outcome"] == "unmatched"
    line = "❌ Failed to confirm payment for registration"
    assert begins(installation.log, line)


def inbox(organiser: httpx.Client, event_id: str) -> dict[str, object] | None:
    answer = organiser.get(f"/api/v1/stripe-events/{event_id}")
    found: dict[str, object] = answer.json()
    return found if answer.status_code == 200 else None


def test_an_unknown_event_type_is_stored_and_answered_200(
    installation: Installation, organiser: httpx.Client
) -> None:
    body = installation.event_payload("customer.tea.poured", {"id": "tea_1"}, "evt_tea")
    answer = installation.deliver(body)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    stored = inbox(organiser, "evt_tea")
    assert stored is not None
    assert stored["outcome"] == "ignored"


def test_a_payment_of_the_wrong_amount_is_rejected_and_flagged(
    installation: Installation, open_event: OpenEvent, organiser: httpx.Client
) -> None:
    event = open_event()
    made = installation.register(event["id"]).json()
    session = installation.session(made)
    session |= {
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": "pi_wrong",
        "amount_total": 1,
    }
    body = installation.event_payload("checkout.session.completed", session, "evt_wrong_amount")
    assert installation.deliver(body).status_code == 200
    found = installation.registration(made)
    assert (found["status"], found["review"]) == ("PENDING", "amount_mismatch")
    stored = inbox(organiser, "evt_wrong_amount")
    assert stored is not None
    assert stored["outcome"] == "rejected"


@pytest.mark.parametrize("path", ["/stripe/webhooks", "/stripe/webhooks/"])
def test_the_webhook_address_never_redirects(installation: Installation, path: str) -> None:
    answer = installation.web.post(path, content=b"{}")
    assert answer.status_code == 400
    assert installation.web.get(path).status_code == 405


def test_webhooks_that_cannot_be_trusted_are_refused_and_logged(
    installation: Installation,
) -> None:
    body = installation.event_payload("checkout.session.completed", {"id": "cs_1"}, "evt_forged")
    before = installation.log.count(SIGNATURE_FAILED)
    assert installation.deliver(body, secret="whsec_of_somebody_else").status_code == 400
    assert installation.deliver(body, age=301).status_code == 400
    assert installation.deliver(body, age=-600).status_code == 400
    assert installation.web.post("/stripe/webhooks", content=body).status_code == 400
    eventually(
        lambda: installation.log.count(SIGNATURE_FAILED) == before + 4, "four lines in the log"
    )


BAD_BODIES = {
    "not JSON": b"not json",
    "not an object": b'["evt_1"]',
    "a number": b"42",
    "no id": b'{"type": "a", "created": 1, "livemode": false, "data": {"object": {}}}',
    "a repeated key": (
        b'{"id": "evt_1", "id": "evt_2", "type": "a", "created": 1, "livemode": false,'
        b' "data": {"object": {}}}'
    ),
    "deeply nested": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_no_event_is_refused_and_never_an_error_of_ours(
    installation: Installation, name: str
) -> None:
    before = len(installation.said("web"))
    answer = installation.deliver(BAD_BODIES[name])
    assert answer.status_code == 400, answer.text
    assert "⚠️" in eventually(lambda: installation.said("web")[before:], "a line in the log")


def test_a_body_of_ten_megabytes_is_refused(installation: Installation) -> None:
    assert installation.deliver(json.dumps({"a": "x" * 10_000_000})).status_code == 413


@pytest.mark.parametrize("path", ["/events/none/register", "/admin/login/", "/api/v1/events"])
@pytest.mark.parametrize("length", ["stated", "not stated"])
def test_nobody_fills_the_disk_with_a_request(
    installation: Installation, path: str, length: str
) -> None:
    to = http.client.HTTPConnection("localhost", urlsplit(installation.site).port, timeout=30)
    to.putrequest("POST", path)
    if length == "stated":
        to.putheader("Content-Length", str(10**12))
        to.endheaders()
    else:
        to.putheader("Transfer-Encoding", "chunked")
        to.endheaders()
        # What comes after the answer is cut off.
        with suppress(ConnectionError):
            for _mebibyte in range(80):
                to.send(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            to.send(b"0\r\n\r\n")
    with suppress(ConnectionError) if length == "not stated" else nullcontext():
        assert to.getresponse().status == 413
    assert installation.web.get("/healthz").status_code == 200


def test_a_webhook_while_the_database_is_down_is_delivered_again_by_stripe(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    made = installation.register(event["id"]).json()
    session = session_of(made)
    installation.stop_database()
    try:
        body = installation.event_payload("customer.created", {"id": "cus_1"}, "evt_while_down")
        refused = installation.deliver(body)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        installation.control(f"/sessions/{session}/pay", card="4242424242424242")
        assert installation.web.get("/healthz").status_code == 200
        assert installation.web.get("/readyz").status_code == 503
        # So long that whoever tries less and less often would not try again for a while.
        assert [installation.web.get("/").status_code for _visit in range(2)] == [503] * 2
        page = installation.web.get(f"/registrations/{made['id']}?token={made['token']}")
        assert page.status_code == 503
    finally:
        installation.start_database()
    # Whoever comes first is served, however long it was away.
    assert installation.web.get("/").status_code == 200
    eventually(lambda: installation.web.get("/readyz").status_code == 200, "ready again")

    def paid_after_another_try() -> bool:
        """A try that was under way while the database came back fails too, so there is a next."""
        installation.control("/clock", advance=60)
        return bool(installation.registration(made)["status"] == "PAID")

    eventually(paid_after_another_try, "PAID after one of Stripe's later tries")
    installation.await_mails(made)  # the worker is back as well
    assert installation.places(event["id"])["confirmed"] == 2
    assert told_by_metrics(installation, 'inscrit_answers_total{status="5xx"}') >= 2


def test_a_restart_of_the_database_costs_the_next_visitor_nothing(
    installation: Installation,
) -> None:
    """Eight connections lie idle, and none of them is good for anything afterwards."""
    with ThreadPoolExecutor(16) as many:
        visits = list(many.map(lambda _visit: installation.web.get("/").status_code, range(48)))
    assert visits == [200] * 48
    idle = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' AND query NOT LIKE '%LISTEN%'"
    )
    ((lying,),) = installation.query(idle)
    assert lying > 6
    installation.stop_database()
    installation.start_database()
    assert installation.web.get("/").status_code == 200
    eventually(lambda: installation.web.get("/readyz").status_code == 200, "ready again")


def test_somebody_who_went_silent_with_a_lock_stops_nobody_else(
    installation: Installation, open_event: OpenEvent
) -> None:
    """As a node without power does, or a psql that was left after BEGIN."""
    event, other = open_event(), open_event()
    with psycopg.connect(installation.database.get_uri()) as silent, ThreadPoolExecutor(12) as many:
        silent.execute("SELECT FROM events_event WHERE id = %s FOR NO KEY UPDATE", [event["id"]])
        answers = [many.submit(installation.register, event["id"], 1) for _buyer in range(12)]
        assert installation.web.get("/metrics").status_code == 200
        refused = [one.result() for one in answers]
        assert {one.status_code for one in refused} == {503}
        assert all(int(one.headers["retry-after"]) > 0 for one in refused)
        assert installation.register(other["id"], 1).status_code == 201
    assert installation.register(event["id"], 1).status_code == 201
    assert installation.places(event["id"])["held"] == 1


def told_by_metrics(installation: Installation, sample: str) -> float:
    lines = installation.web.get("/metrics").raise_for_status().text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{sample} "))


def test_live_places_move_on_an_open_stream(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    path = f"/api/v1/events/{event['id']}/places/stream"
    with httpx.stream("GET", installation.site + path, timeout=15) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = (json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:"))
        assert next(told)["remaining"] == 10
        installation.register(event["id"])
        assert next(told)["held"] == 2


def test_a_stream_ends_when_its_event_is_taken_back(
    installation: Installation, open_event: OpenEvent
) -> None:
    """Whoever watched opens it again, and is told anew once the event is there again."""
    event = open_event()
    path = f"/api/v1/events/{event['id']}/places/stream"
    with (
        installation.organiser("takes back") as organiser,
        httpx.stream("GET", installation.site + path, timeout=15) as stream,
    ):
        lines = stream.iter_lines()
        assert any(line.startswith("data:") for line in lines)
        organiser.patch(f"/api/v1/events/{event['id']}", json={"status": "draft"})
        assert not any(line.startswith("data:") for line in lines)


def test_live_places_come_back_when_a_connection_of_theirs_broke(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    assert installation.places(event["id"])["remaining"] == 10
    installation.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'inscrit-live' AND query NOT LIKE 'LISTEN%'"
    )
    installation.register(event["id"])
    eventually(
        lambda: installation.places(event["id"]).get("held") == 2, "the places are current again"
    )


@pytest.mark.parametrize("path", ["/static/nothing.css", "/static/admin", "/static/%00"])
def test_a_file_that_is_not_there_is_no_error_of_ours(
    installation: Installation, path: str
) -> None:
    assert installation.web.get(path).status_code == 404


def test_metrics_count_what_happened(installation: Installation, open_event: OpenEvent) -> None:
    made = installation.register(open_event()["id"]).json()
    installation.pay(made)
    installation.await_status(made, "PAID")
    exposed = installation.web.get("/metrics").text
    for name in (
        'inscrit_stripe_events_total{outcome="applied",type="checkout.session.completed"}',
        "inscrit_webhook_processing_seconds_bucket",
        'inscrit_payment_confirmations_total{result="confirmed"}',
        "inscrit_paid_to_confirmed_seconds_count",
        "inscrit_webhook_signature_failures_total",
    ):
        assert name in exposed
