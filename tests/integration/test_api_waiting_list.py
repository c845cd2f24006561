"""The waiting list over the API: anybody joins, the staff sees the line."""

from typing import Any

import pytest
from django.test import Client

from .at_stripe import work
from .conftest import CONTACT, Caller, MakeCaller, content, order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


@pytest.fixture
def event(organiser: Caller) -> dict[str, Any]:
    return organiser.open_event(capacity=2, price=0, offer_hours=6)


@pytest.fixture
def full(event: dict[str, Any], anybody: Caller) -> dict[str, Any]:
    """The registration that has every place."""
    return anybody.register(event, 2)


def someone(name: str, participants: int = 1) -> dict[str, Any]:
    contact = {"name": name, "email": f"{name.lower()}@example.org", "locale": "fr-FR"}
    return {"contact": contact, "participants": order(participants)["participants"]}


def test_a_sold_out_event_tells_where_to_wait(
    event: dict[str, Any], full: dict[str, Any], anybody: Caller
) -> None:
    refused = content(anybody.post(f"/events/{event['id']}/registrations", order()), 409)
    assert (refused["code"], refused["remaining"]) == ("sold_out", 0)
    line = refused["waiting_list"].removeprefix("/api/v1")
    assert content(anybody.post(line, someone("Ana", 2)), 201)["places"] == 2


def test_nobody_learns_from_an_answer_who_waits_already(
    event: dict[str, Any], full: dict[str, Any], anybody: Caller, organiser: Caller
) -> None:
    line = f"/events/{event['id']}/waiting-list"
    answers, seen = [], []
    for _ in range(2):
        answers.append(content(anybody.post(line, someone("Ana", 2)), 201))
        seen.append(content(anybody.get(f"/events/{event['id']}")))
    nothing = dict.fromkeys(("id", "position", "token", "url"))
    assert answers == [{**nothing, "places": 2}] * 2
    assert seen[0] == seen[1]
    assert seen[0]["waiting"] is None
    assert content(organiser.get(f"/events/{event['id']}"))["waiting"] == 2


def test_the_staff_is_told_where_somebody_stands(
    event: dict[str, Any], full: dict[str, Any], organiser: Caller
) -> None:
    line = f"/events/{event['id']}/waiting-list"
    joined = content(organiser.post(line, someone("Ana", 2)), 201)
    assert (joined["position"], joined["places"]) == (1, 2)
    assert joined["url"].endswith(f"/waiting-list/{joined['id']}?token={joined['token']}")
    page = joined["url"].partition("8000")[2]
    assert Client().get(page).status_code == 200
    assert content(organiser.post(line, someone("Ana")), 409)["code"] == "already_waiting"


def test_a_refusal_is_told_in_english_as_all_problems(
    event: dict[str, Any], full: dict[str, Any], anybody: Caller
) -> None:
    body = someone("Ana") | {"consents": [{"consent": "cst-none", "given": True}]}
    answer = anybody.post(f"/events/{event['id']}/waiting-list", body, **{"Accept-Language": "fr"})
    (error,) = content(answer, 422)["errors"]
    assert error == {"field": "consents.cst-none", "message": "This is not asked here."}


def test_the_staff_sees_the_line_with_its_offers(
    event: dict[str, Any], full: dict[str, Any], anybody: Caller, staff: MakeCaller
) -> None:
    path = f"/events/{event['id']}/waiting-list"
    for name in ("Ana", "Bob", "Cleo"):
        content(anybody.post(path, someone(name)), 201)
    content(anybody.post(f"/registrations/{full['id']}/cancel?token={full['token']}"))
    work("upkeep")
    reader = staff("readonly")
    items = content(reader.get(path))["items"]
    assert [(one["number"], one["contact"]["name"], one["state"]) for one in items] == [
        (1, "Ana", "offered"),
        (2, "Bob", "offered"),
        (3, "Cleo", "waiting"),
    ]
    assert items[0]["registration_status"] == "PENDING"
    assert items[0]["offered_until"]
    assert items[2]["registration_id"] is None
    assert items[0]["participants"] == [
        {"first_name": "Lou 0", "last_name": "Martin", "option": None}
    ]
    only = content(reader.get(f"{path}?state=waiting&limit=1"))
    assert [one["contact"]["name"] for one in only["items"]] == ["Cleo"]
    assert only["next"] is None
    first = content(reader.get(f"{path}?limit=2"))
    rest = content(reader.get(f"{path}?limit=2&cursor={first['next']}"))
    assert [one["number"] for one in rest["items"]] == [3]


def test_the_line_is_for_the_staff_only(event: dict[str, Any], anybody: Caller) -> None:
    assert content(anybody.get(f"/events/{event['id']}/waiting-list"), 401)["code"] == (
        "unauthorized"
    )


def test_what_stands_in_the_way_has_a_code_of_its_own(
    event: dict[str, Any], anybody: Caller, organiser: Caller
) -> None:
    path = f"/events/{event['id']}/waiting-list"
    left = content(anybody.post(path, someone("Ana")), 409)
    assert (left["code"], left["remaining"]) == ("places_left", 2)
    never = content(anybody.post(path, someone("Ana", 3)), 409)
    assert (never["code"], never["capacity"]) == ("never_enough", 2)
    anybody.register(event, 2)
    content(organiser.post(f"/events/{event['id']}/cancel"))
    assert content(anybody.post(path, someone("Bob")), 409)["code"] == "sales_closed"
    nowhere = "/events/ev-none/waiting-list"
    assert content(anybody.post(nowhere, someone("Bob")), 404)["code"] == "not_found"
    assert content(organiser.get(nowhere), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    "body",
    [
        {"contact": CONTACT, "participants": []},
        {"contact": {"name": "A", "email": "nobody"}, "participants": order()["participants"]},
        {**order(), "payment_method": "cheque"},
    ],
)
def test_bad_fields_are_named(event: dict[str, Any], anybody: Caller, body: Any) -> None:
    answer = content(anybody.post(f"/events/{event['id']}/waiting-list", body), 422)
    assert answer["code"] == "invalid"
    assert answer["errors"]


def test_an_event_says_how_long_its_offers_last(event: dict[str, Any], organiser: Caller) -> None:
    assert event["offer_hours"] == 6
    changed = content(organiser.patch(f"/events/{event['id']}", {"offer_hours": 48}))
    assert changed["offer_hours"] == 48
    for hours in (0, 337, 1.5):
        content(organiser.patch(f"/events/{event['id']}", {"offer_hours": hours}), 422)
