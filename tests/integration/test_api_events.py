"""An integrator reads and opens events."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from inscrit.events.models import Event, EventStatus

from .conftest import EVENT, Caller, MakeCaller, content, order

pytestmark = pytest.mark.django_db
# What calls Stripe, or may, works on database connections of its own.
on_its_own_connections = pytest.mark.django_db(transaction=True)


def test_an_organiser_opens_an_event(organiser: Caller) -> None:
    event = organiser.open_event(description="Jeux\net musique", refund_until=EVENT["starts_at"])
    assert event["id"].startswith("ev-")
    assert event["starts_at"] == "2029-07-03T12:00:00Z"
    assert (event["price"], event["currency"]) == (1250, "eur")
    assert (event["capacity"], event["remaining"]) == (20, 20)
    assert event["url"].endswith(event["slug"])
    assert Event.objects.get(pk=event["id"]).description == "Jeux\net musique"


def test_an_event_is_a_draft_unless_it_says_otherwise(organiser: Caller) -> None:
    body = {name: value for name, value in EVENT.items() if name not in ("status", "late_payment")}
    event = content(organiser.post("/events", body), 201)
    assert (event["status"], event["late_payment"]) == ("draft", "reseat_or_refund")


@on_its_own_connections
@pytest.mark.parametrize("role", ["secretary", "readonly"])
def test_only_organisers_open_and_change_events(staff: MakeCaller, role: str) -> None:
    event = staff("organiser").open_event()
    caller = staff(role)
    assert content(caller.post("/events", EVENT), 403)["code"] == "forbidden"
    assert caller.patch(f"/events/{event['id']}", {"price": 0}).status_code == 403
    assert caller.post(f"/events/{event['id']}/cancel").status_code == 403


@pytest.mark.parametrize("key", [None, "", "ik_unknown", "sk_test_123"])
def test_without_a_known_key_nobody_opens_an_event(key: str | None) -> None:
    answer = Caller(key).post("/events", EVENT)
    assert content(answer, 401)["code"] == "unauthorized"
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 201),
        ("title", None),
        ("title", 12),
        ("title", "a\0b"),
        ("title", "two\nlines"),
        ("title", "half a \ud800 pair"),
        ("description", "a\0b"),
        ("price", -1),
        ("price", 12.5),
        ("price", "1250"),
        ("price", True),
        ("price", 10**12),
        ("currency", "EUR"),
        ("currency", "euro"),
        ("currency", "eur\n"),
        ("currency", "abc"),
        ("price", 49),
        ("options", [{"name": "Fratrie", "price": 49}]),
        ("sales_end_at", "2039-07-03T14:00:00+02:00"),
        ("refund_until", "2039-07-03T14:00:00+02:00"),
        ("capacity", -1),
        ("capacity", 10**9),
        ("starts_at", "2029-07-03T14:00:00"),
        ("starts_at", "tomorrow"),
        ("starts_at", 1750000000),
        ("starts_at", "1750000000"),
        ("starts_at", "0001-01-01T00:00:00+14:00"),
        ("ends_at", "2029-07-03T13:59:00+02:00"),
        ("time_zone", "Europe/Atlantis"),
        ("time_zone", "../../etc/passwd"),
        ("status", "cancelled"),
        ("options", [{"name": "Adulte", "price": 1, "active": 1}]),
        ("questions", [{"text": "Repas ?", "required": "yes"}]),
        ("late_payment", "perhaps"),
        ("confirmed", 3),
    ],
)
def test_a_field_that_cannot_be_is_named(organiser: Caller, field: str, value: Any) -> None:
    problem = content(organiser.post("/events", EVENT | {field: value}), 422)
    assert problem["code"] == "invalid"
    assert [error["field"].partition(".")[0] for error in problem["errors"]] == [field]
    assert problem["errors"][0]["message"]
    assert not Event.objects.exists()


def test_what_no_card_can_pay_may_be_paid_in_cash(organiser: Caller) -> None:
    cheap = EVENT | {"price": 49, "payment_methods": ["cash"]}
    event = content(organiser.post("/events", cheap), 201)
    path = f"/events/{event['id']}"
    problem = content(organiser.patch(path, {"payment_methods": ["cash", "stripe"]}), 422)
    assert [error["field"] for error in problem["errors"]] == ["price"]
    assert "50" in problem["errors"][0]["message"]
    assert content(organiser.patch(path, {"price": 0, "payment_methods": ["stripe"]}))
    assert content(organiser.patch(path, {"title": "Fête"}))["title"] == "Fête"


def test_a_missing_field_is_named(organiser: Caller) -> None:
    problem = content(organiser.post("/events", {"title": "Fête"}), 422)
    named = {error["field"] for error in problem["errors"]}
    assert named == {"starts_at", "ends_at", "price", "currency", "capacity"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_body"),
        (b"\xff", 400, "malformed_body"),
        (b"[" * 100_000, 400, "malformed_body"),
        (b"[]", 422, "invalid"),
        (b"", 422, "invalid"),
        (b" " * 300_000, 413, "body_too_large"),
        (b" " * 3_000_000, 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_event_is_refused(
    organiser: Caller, body: bytes, status: int, code: str
) -> None:
    assert content(organiser.post("/events", body), status)["code"] == code


def test_drafts_are_for_the_staff(organiser: Caller, staff: MakeCaller, anybody: Caller) -> None:
    draft = organiser.open_event(status="draft")
    shown = organiser.open_event()
    assert [one["id"] for one in content(anybody.get("/events"))["items"]] == [shown["id"]]
    assert len(content(staff("readonly").get("/events"))["items"]) == 2
    assert content(anybody.get(f"/events/{draft['id']}"), 404)["code"] == "not_found"
    assert anybody.get(f"/events/{draft['id']}/places").status_code == 404
    assert content(organiser.get(f"/events/{draft['id']}"))["status"] == "draft"


def test_a_list_comes_page_by_page(organiser: Caller, anybody: Caller) -> None:
    times = [f"2029-07-0{day}T10:00:00Z" for day in (3, 1, 2, 1, 1)]
    for at in times:
        organiser.open_event(starts_at=at, ends_at=at)
    seen: list[dict[str, Any]] = []
    path: str | None = "/events?limit=2"
    while path:
        page = content(anybody.get(path))
        assert len(page["items"]) <= 2
        seen += page["items"]
        path = f"/events?limit=2&cursor={page['next']}" if page["next"] else None
    assert [event["starts_at"] for event in seen] == sorted(times)
    assert len({event["id"] for event in seen}) == len(times)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=bnVsbA", "cursor=é%00"]
)
def test_a_page_that_cannot_be_is_refused(anybody: Caller, query: str) -> None:
    problem = content(anybody.get(f"/events?{query}"), 422)
    assert problem["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


def test_only_the_fields_that_are_given_change(organiser: Caller) -> None:
    event = organiser.open_event(sales_end_at=EVENT["starts_at"])
    changed = content(organiser.patch(f"/events/{event['id']}", {"price": 900}))
    assert changed == event | {"price": 900}
    open_end = content(organiser.patch(f"/events/{event['id']}", {"sales_end_at": None}))
    assert open_end["sales_end_at"] is None
    assert content(organiser.patch(f"/events/{event['id']}", {})) == open_end


def test_what_stands_already_hinders_no_other_change(organiser: Caller) -> None:
    event = organiser.open_event()
    later = datetime.fromisoformat(str(EVENT["ends_at"])) + timedelta(days=1)
    Event.objects.update(refund_until=later, sales_end_at=later)
    changed = content(organiser.patch(f"/events/{event['id']}", {"title": "Kermesse"}))
    assert changed["title"] == "Kermesse"
    content(organiser.patch(f"/events/{event['id']}", {"ends_at": EVENT["ends_at"]}), 422)


@on_its_own_connections
def test_a_currency_that_somebody_registered_in_stays(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(price=0)
    path = f"/events/{event['id']}"
    assert content(organiser.patch(path, {"currency": "chf"}))["currency"] == "chf"
    anybody.register(event)
    problem = content(organiser.patch(path, {"currency": "jpy"}), 409)
    assert problem["code"] == "currency_in_use"
    assert content(organiser.patch(path, {"currency": "chf", "price": 100}))["currency"] == "chf"


def test_a_currency_that_somebody_waits_with_stays(organiser: Caller) -> None:
    event = organiser.open_event(capacity=1)
    Event.objects.update(held=1)
    content(organiser.post(f"/events/{event['id']}/waiting-list", order()), 201)
    problem = content(organiser.patch(f"/events/{event['id']}", {"currency": "jpy"}), 409)
    assert problem["code"] == "currency_in_use"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"title": None}, "title"), ({"ends_at": "2029-07-01T00:00:00Z"}, "ends_at"), ({"x": 1}, "x")],
)
def test_a_change_that_cannot_be_is_refused(
    organiser: Caller, change: dict[str, Any], field: str
) -> None:
    event = organiser.open_event()
    problem = content(organiser.patch(f"/events/{event['id']}", change), 422)
    assert problem["errors"][0]["field"] == field
    assert content(organiser.get(f"/events/{event['id']}")) == event


@on_its_own_connections
def test_places_that_are_taken_stay(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(price=0)
    anybody.register(event, participants=3)
    problem = content(organiser.patch(f"/events/{event['id']}", {"capacity": 2}), 409)
    assert (problem["code"], problem["taken"]) == ("capacity_below_taken", 3)
    full = content(organiser.patch(f"/events/{event['id']}", {"capacity": 3}))
    assert (full["confirmed"], full["remaining"]) == (3, 0)


@on_its_own_connections
def test_places_are_public(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event()
    held = anybody.register(event, participants=2, payment_method="cheque")
    places = content(anybody.get(f"/events/{event['id']}/places"))
    assert places == {
        "capacity": 20,
        "confirmed": 0,
        "held": 2,
        "remaining": 18,
        "next_release_at": held["hold_expires_at"],
    }
    stream = anybody.get(f"/events/{event['id']}/places/stream")
    assert stream["Content-Type"].startswith("text/event-stream")
    assert b"event: places\ndata: {" in stream.content


def test_without_the_live_lane_a_stream_tells_several_events_once(
    organiser: Caller, anybody: Caller
) -> None:
    first, second, draft = (
        organiser.open_event(capacity=places, status=status)["id"]
        for places, status in ((4, "published"), (None, "published"), (9, "draft"))
    )
    stream = anybody.get(f"/places/stream?events={first},{second},{draft},ev-nobody-knows")
    assert stream["Content-Type"].startswith("text/event-stream")
    frames = stream.content.decode().strip().split("\n\n")[1:]
    told = [json.loads(frame.removeprefix("event: places\ndata: ")) for frame in frames]
    assert {each["event_id"]: each["remaining"] for each in told} == {first: 4, second: None}


@pytest.mark.parametrize(
    ("events", "status"),
    [("", 422), ("ev-a,,ev-b", 422), ("ev-a\n", 422), (f"ev-a{',ev-b' * 100}", 422), ("ev-a", 404)],
)
def test_a_stream_of_no_events_is_refused(anybody: Caller, events: str, status: int) -> None:
    content(anybody.get(f"/places/stream?{urlencode({'events': events})}"), status)


@on_its_own_connections
def test_a_cancelled_event_tells_and_frees_everybody(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(price=0)
    registration = anybody.register(event)
    cancelled = content(organiser.post(f"/events/{event['id']}/cancel"))
    assert (cancelled["status"], cancelled["cancelled"]) == ("cancelled", 1)
    assert cancelled["confirmed"] == 0
    found = content(organiser.get(f"/registrations/{registration['id']}"))
    assert found["status"] == "CANCELLED"
    again = content(organiser.post(f"/events/{event['id']}/cancel"))
    assert (again["cancelled"], again["waiting"]) == (1, 0)
    assert content(organiser.get(f"/events/{event['id']}/cancellation")) == again


@on_its_own_connections
def test_a_cancelled_event_stays_cancelled(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event()
    organiser.post(f"/events/{event['id']}/cancel")
    problem = content(organiser.patch(f"/events/{event['id']}", {"status": "published"}), 409)
    assert problem["code"] == "event_cancelled"
    assert Event.objects.get().status == EventStatus.CANCELLED
    assert content(anybody.get(f"/events/{event['id']}"))["status"] == "cancelled"
    assert content(anybody.get("/events"))["items"] == []


@on_its_own_connections
@pytest.mark.parametrize("event_id", ["ev-unknown", "%00", "é", "a/b", "x" * 500])
def test_an_event_that_is_not_there_is_not_found(organiser: Caller, event_id: str) -> None:
    assert content(organiser.get(f"/events/{event_id}"), 404)["code"] == "not_found"
    assert organiser.patch(f"/events/{event_id}", {}).status_code == 404
    assert organiser.post(f"/events/{event_id}/cancel").status_code == 404


def test_a_wrong_method_is_told_as_a_problem(organiser: Caller) -> None:
    answer = organiser("DELETE", "/events")
    assert content(answer, 405)["code"] == "method_not_allowed"
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


def test_head_is_answered_like_get(anybody: Caller) -> None:
    assert anybody("HEAD", "/events").status_code == 200
