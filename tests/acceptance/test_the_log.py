"""The log tells each story under one name, and never who the people are."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from .conftest import OpenEvent, publisher
from .installation import Installation, eventually, installed

NAME, EMAIL = "Zébulon Quenotte", "zebulon.quenotte@example.org"
CHILD = {"first_name": "Philibert", "last_name": "Vandervelde"}
PASSWORD = "correct-horse-77"
TRACES = ("ébulon", "zebulon", "uenotte", "hilibert", "andervelde", PASSWORD, "example.org")


@pytest.fixture(scope="module", params=["text", "json"])
def spoken(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """An installation of its own, so that its log is ours alone."""
    with installed(settings={"LOG_FORMAT": request.param, "ORGANISER_EMAIL": EMAIL}) as it:
        yield it


def order() -> dict[str, object]:
    return {
        "contact": {"name": NAME, "email": EMAIL, "locale": "fr"},
        "participants": [CHILD, CHILD],
    }


def fill_in(it: Installation, page: str, **form: str) -> int:
    """Send a page's form as a browser does."""
    it.web.get(page)
    form["csrfmiddlewaretoken"] = it.web.cookies["csrftoken"]
    return it.web.post(page, data=form, follow_redirects=True).status_code


def everything_happens(it: Installation, open_event: OpenEvent, organiser: httpx.Client) -> str:
    """Every path that people's names go through; the registration that was paid and refunded."""
    event = open_event(capacity=2)
    register = f"/api/v1/events/{event['id']}/registrations"
    paid = it.web.post(register, json=order()).raise_for_status().json()
    it.web.post(register, json=order())  # sold out
    waiting = it.web.post(f"/api/v1/events/{event['id']}/waiting-list", json=order())
    assert waiting.status_code == 201, waiting.text
    it.web.post(register, json={"contact": {"name": NAME, "email": f"{EMAIL} x"}})
    it.web.post(register, content=json.dumps(order()).encode()[:-9])
    it.web.get(f"/registrations/{paid['id']}", params={"token": EMAIL})
    assert fill_in(it, f"/events/{event['slug']}/register", name=NAME, email=f"{EMAIL} x") == 422
    assert fill_in(it, "/my", email=EMAIL) == 200
    assert fill_in(it, "/admin/login/", username=EMAIL, password=PASSWORD) == 200
    it.pay(paid, card="4000000000000002")
    it.pay(paid)
    it.await_status(paid, "PAID")
    odd = it.event_payload("customer.created", {"id": "cus_1", "email": EMAIL}, "evt_odd")
    for named in ("parcel-0001", "parcel-0002"):
        headers = it.signed(odd) | {"x-request-id": named}
        it.web.post("/stripe/webhooks", content=odd, headers=headers).raise_for_status()
    it.deliver(json.dumps({"id": NAME, "data": EMAIL}))
    it.deliver(json.dumps({"name": NAME}), secret="whsec_wrong")
    organiser.post(f"/api/v1/registrations/{paid['id']}/refund").raise_for_status()
    it.await_status(paid, "REFUNDED")
    eventually(lambda: len(it.mails(paid["id"])) > 1 or None, "its mails are sent")
    return str(paid["id"])


def test_one_story_is_told_under_one_name_and_without_the_people(spoken: Installation) -> None:
    with spoken.organiser("log") as organiser:
        registration = everything_happens(spoken, publisher(organiser), organiser)
    log = spoken.log
    assert [line for line in log.splitlines() for trace in TRACES if trace in line] == []
    story = "\n".join(line for line in log.splitlines() if registration in line)
    for beginning in (
        "📝 Registered", "💳 Checkout session opened", "🔔 Received Stripe event",
        "✅ Checkout completed", "✅ Payment confirmed", "✉️  Mail sent", "💶 Registration refunded",
    ):  # fmt: skip
        assert beginning in story, beginning
    named = r"request.{1,4}[0-9a-f]{12}"
    assert re.search(rf"📝 Registered.*{named}", story)
    assert re.search(r"✉️  Mail sent.*job", story)
    brought = [line for line in log.splitlines() if "Received Stripe event" in line]
    assert all(re.search(r"request.{1,4}[\w-]{11,12}", line) for line in brought)
    odd = [line for line in brought if "evt_odd" in line]
    assert ["parcel-0001" in odd[0], "parcel-0002" in odd[1]] == [True, True]
    events = re.findall(r"evt_\w+", story)
    confirmed = next(line for line in story.splitlines() if "✅ Payment confirmed" in line)
    assert any(event in confirmed for event in events)
    if spoken.settings["LOG_FORMAT"] == "json":
        lines = [json.loads(line) for line in log.splitlines()]
        assert all({"event", "timestamp", "level"} <= line.keys() for line in lines)


def test_a_proxys_name_for_a_request_is_kept_if_it_is_a_plain_word(spoken: Installation) -> None:
    spoken.web.post("/stripe/webhooks", headers={"x-request-id": "trace-0123456789"})
    spoken.web.post("/stripe/webhooks", headers={"x-request-id": "no good; word=1"})
    assert "trace-0123456789" in spoken.log
    assert "no good" not in spoken.log
