"""An integrator looks after the endpoints of other programs."""

import pytest
from asgiref.sync import async_to_sync

from inscrit.outgoing.models import Endpoint, Message

from .conftest import Caller, MakeCaller, content
from .receiver import Receiver, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]
ROOT = "/webhook-endpoints"
TYPES = ["event.created", "event.updated"]


def test_an_integrator_adds_an_endpoint_and_hears_of_an_event(
    receiver: Receiver, organiser: Caller
) -> None:
    body = {"url": receiver.url, "types": [*TYPES, *TYPES]}
    made = content(organiser.post(ROOT, body), 201)
    assert made["types"] == TYPES
    event = organiser.open_event()
    async_to_sync(work)()
    (told,) = receiver.verified(made["secret"])
    assert told["type"] == "event.created"
    assert told["data"] == event
    (sent,) = content(organiser.get(f"{ROOT}/{made['id']}/deliveries"))["items"]
    assert (sent["message_id"], sent["state"]) == (told["id"], "delivered")
    assert [one["status"] for one in sent["attempts"]] == [200]
    assert content(organiser.get(ROOT))["items"][0]["last_success_at"] is not None


def test_a_secret_is_told_once_and_can_be_changed(receiver: Receiver, organiser: Caller) -> None:
    made = content(organiser.post(ROOT, {"url": receiver.url, "types": TYPES}), 201)
    assert "secret" not in content(organiser.get(f"{ROOT}/{made['id']}"))
    rotated = content(organiser.post(f"{ROOT}/{made['id']}/rotate-secret"))
    assert rotated["secret"] != made["secret"]
    content(organiser.post(f"{ROOT}/{made['id']}/test"), 202)
    async_to_sync(work)()
    receiver.verified(made["secret"])
    (told,) = receiver.verified(rotated["secret"])
    assert (told["type"], told["data"]) == ("endpoint.test", None)


def test_a_message_is_sent_again(receiver: Receiver, organiser: Caller) -> None:
    made = content(organiser.post(ROOT, {"url": receiver.url, "types": TYPES}), 201)
    receiver.status = 500
    organiser.open_event()
    async_to_sync(work)()
    path = f"{ROOT}/{made['id']}/deliveries"
    (sent,) = content(organiser.get(f"{path}?state=waiting"))["items"]
    assert sent["next_try_at"]
    receiver.status = 200
    content(organiser.post(f"{path}/{sent['message_id']}/resend"), 202)
    async_to_sync(work)()
    (sent,) = content(organiser.get(f"{path}?state=delivered"))["items"]
    assert [one["status"] for one in sent["attempts"]] == [200, 500]
    assert content(organiser.post(f"{path}/msg-unknown/resend"), 404)["code"] == "not_found"


def test_an_endpoint_is_switched_off_on_and_removed(receiver: Receiver, organiser: Caller) -> None:
    made = content(organiser.post(ROOT, {"url": receiver.url, "types": TYPES}), 201)
    path = f"{ROOT}/{made['id']}"
    assert content(organiser.patch(path, {"enabled": False}))["enabled"] is False
    organiser.open_event()
    assert not Message.objects.exists()
    assert content(organiser.patch(path, {"enabled": True, "description": "ERP"}))["enabled"]
    organiser.open_event()
    assert Message.objects.count() == 1
    assert organiser("DELETE", path).status_code == 204
    assert not Endpoint.objects.exists()
    assert organiser.get(path).status_code == 404


def test_a_refused_address_is_explained_in_english_as_all_problems(organiser: Caller) -> None:
    body = {"url": "https://10.0.0.1/", "types": TYPES}
    problem = content(organiser.post(ROOT, body, **{"Accept-Language": "fr"}), 422)
    assert problem["errors"] == [
        {"field": "url", "message": "The name leads to a private address."}
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://example.org/"),
        ("url", "https://10.0.0.1/"),
        ("url", "https://localhost/"),
        ("url", "x"),
        ("url", "https://example.org/a\0b"),
        ("types", []),
        ("types", ["registration.unknown"]),
        ("types", None),
        ("description", "x" * 201),
        ("secret", "whsec_mine"),
        ("enabled", None),
    ],
)
def test_a_field_that_is_wrong_is_named(organiser: Caller, field: str, value: object) -> None:
    body = {"url": "https://example.org/", "types": TYPES} | {field: value}
    problem = content(organiser.post(ROOT, body), 422)
    assert problem["errors"][0]["field"].startswith(field)


def test_pages_of_deliveries_go_on_where_they_ended(receiver: Receiver, organiser: Caller) -> None:
    made = content(organiser.post(ROOT, {"url": receiver.url, "types": TYPES}), 201)
    for _ in range(3):
        organiser.open_event()
    path = f"{ROOT}/{made['id']}/deliveries?limit=2"
    first = content(organiser.get(path))
    organiser.open_event()  # what is new meanwhile moves nothing
    second = content(organiser.get(f"{path}&cursor={first['next']}"))
    ids = [one["message_id"] for one in first["items"] + second["items"]]
    assert len(set(ids)) == 3
    assert second["next"] is None
    for wrong in ("x", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgImFiYyJd"):
        assert organiser.get(f"{path}&cursor={wrong}").status_code == 422


@pytest.mark.parametrize("role", ["secretary", "readonly"])
def test_only_organisers_look_after_endpoints(staff: MakeCaller, role: str) -> None:
    caller = staff(role)
    assert caller.get(ROOT).status_code == 403
    assert caller.post(ROOT, {"url": "https://x.example/", "types": TYPES}).status_code == 403
