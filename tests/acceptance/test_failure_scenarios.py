"""Processes that are killed at the wrong moment, and two of them that do the same thing at once.

Each test is a line of docs/reference/failure-scenarios.md.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .conftest import OpenEvent
from .installation import Installation, eventually, session_of
from .test_the_whole_story import inbox

CONFIRMATIONS = (
    "SELECT count(*) FROM registrations_journalentry WHERE registration_id = %s"
    " AND to_status = 'PAID' AND from_status <> 'PAID'"
)


def kill_and_start(installation: Installation, name: str) -> None:
    installation.kill(name)
    installation.start_again(name)
    installation.await_answers()


@pytest.mark.parametrize("victim", ["the web side", "the database"])
def test_a_webhook_that_was_answered_200_survives_a_power_cut(
    installation: Installation, open_event: OpenEvent, organiser: httpx.Client, victim: str
) -> None:
    """The event, its effect and the mail to come are one commit, and it came before the 200."""
    made = installation.register(open_event()["id"]).json()
    session = installation.session(made)
    intent = f"pi_power_cut_{made['id']}"
    session |= {"status": "complete", "payment_status": "paid", "payment_intent": intent}
    event_id = f"evt_power_cut_{made['id']}"
    body = installation.event_payload("checkout.session.completed", session, event_id)
    assert installation.deliver(body).status_code == 200
    if victim == "the web side":
        kill_and_start(installation, "web")
    else:
        installation.kill_database()
        installation.start_database()
        eventually(lambda: installation.web.get("/readyz").status_code == 200, "ready again")
    assert installation.registration(made)["status"] == "PAID"
    stored = inbox(organiser, event_id)
    assert stored is not None
    assert stored["outcome"] == "applied"
    outbox = "SELECT kind FROM mail_message WHERE registration_id = %s"
    assert installation.query(outbox, made["id"]) == [("confirmed",)]


def test_cancelling_an_event_goes_on_after_the_web_side_was_killed_half_way(
    installation: Installation, open_event: OpenEvent, organiser: httpx.Client
) -> None:
    event = open_event(capacity=None)
    made = [installation.register(event["id"], participants=1).json() for _ in range(7)]
    for one in made[:3]:
        installation.pay(one)
        installation.await_status(one, "PAID")
    path = f"/api/v1/events/{event['id']}"
    # Stripe hangs, so that the cancellation is half-way when it is cut off. Five are tried at once.
    hang = {"kind": "timeout", "path": "/v1/checkout/sessions/*/expire", "seconds": 60}
    installation.control("/faults", **hang)
    with ThreadPoolExecutor() as browser:
        call = browser.submit(organiser.post, f"{path}/cancel")
        eventually(
            lambda: organiser.get(f"{path}/cancellation").json()["cancelled"] == 3,
            "the paid ones are cancelled, the others wait for Stripe",
        )
        installation.kill("web")
        with pytest.raises(httpx.TransportError):
            call.result()
    # As long as Stripe hangs nobody can go on with them.
    waiting = (
        "SELECT count(*) FROM registrations_registration WHERE event_id = %s AND cancelling <> ''"
    )
    assert installation.query(waiting, event["id"]) == [(4,)]
    installation.remove_faults()
    installation.start_again("web")
    installation.await_answers()
    # The job that was queued with the closing of the event: its time has come.
    installation.query(
        "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE args->>'event_id' = %s"
        " OR args->>'registration_id' = ANY(SELECT id FROM registrations_registration"
        " WHERE event_id = %s)",
        event["id"],
        event["id"],
    )
    for one in made[:3]:
        installation.await_status(one, "REFUNDED")
    for one in made[3:]:
        installation.await_status(one, "CANCELLED")
    done = organiser.get(f"{path}/cancellation").json()
    assert (done["cancelled"], done["waiting"]) == (7, 0)
    assert (done["to_refund"], done["refunded"]) == (7500, 7500)
    states = [installation.session(one)["status"] for one in made[3:]]
    assert states == ["expired"] * 4


def test_webhook_and_browser_return_at_once_send_one_mail_whichever_is_first(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    made = [installation.register(event["id"]).json() for _ in range(5)]

    async def pay_and_return(client: httpx.AsyncClient, one: dict[str, str]) -> None:
        session = session_of(one)
        page = f"{installation.site}/registrations/{one['id']}"
        back = {"token": one["token"], "session_id": session}
        pay = client.post(f"{installation.sandbox}/sandbox/sessions/{session}/pay", json={})
        answers = await asyncio.gather(pay, *(client.get(page, params=back) for _ in range(3)))
        assert [answer.status_code for answer in answers] == [200] * 4

    async def all_of_them() -> None:
        async with httpx.AsyncClient(timeout=30) as client:
            await asyncio.gather(*(pay_and_return(client, one) for one in made))

    asyncio.run(all_of_them())
    for one in made:
        installation.await_status(one, "PAID")
        assert len(installation.await_mails(one)) == 1
        assert installation.query(CONFIRMATIONS, one["id"]) == [(1,)]
    places = installation.places(event["id"])
    assert (places["confirmed"], places["held"]) == (10, 0)
