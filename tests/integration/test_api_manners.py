"""Who may call what, how often, and from which web pages."""

import json

import pytest
from django.test import Client

from inscrit.api import limits
from inscrit.api.urls import api
from inscrit.rate_limits import Limit

from .conftest import Caller, MakeCaller, Setting, content

SHOP = "https://www.school.example"
Roles = set[str | None]
EVERYBODY: Roles = {None, "readonly", "secretary", "organiser"}
STAFF: Roles = EVERYBODY - {None}
HANDLES: Roles = {"secretary", "organiser"}
ORGANISES: Roles = {"organiser"}
# Who may call what. Where a token would do, nobody without a key has one here.
TABLE: dict[tuple[str, str], Roles] = {
    ("GET", "/events"): EVERYBODY,
    ("POST", "/events"): ORGANISES,
    ("GET", "/events/{event_id}"): EVERYBODY,
    ("PATCH", "/events/{event_id}"): ORGANISES,
    ("POST", "/events/{event_id}/cancel"): ORGANISES,
    ("GET", "/events/{event_id}/cancellation"): STAFF,
    ("GET", "/events/{event_id}/places"): EVERYBODY,
    ("GET", "/events/{event_id}/places/stream"): EVERYBODY,
    ("GET", "/places/stream"): EVERYBODY,
    ("POST", "/events/{event_id}/registrations"): EVERYBODY,
    ("GET", "/events/{event_id}/waiting-list"): STAFF,
    ("POST", "/events/{event_id}/waiting-list"): EVERYBODY,
    ("GET", "/registrations/{registration_id}"): STAFF,
    ("POST", "/registrations/{registration_id}/cancel"): HANDLES,
    ("POST", "/registrations/{registration_id}/take-offer"): HANDLES,
    ("POST", "/registrations/{registration_id}/refund"): HANDLES,
    ("POST", "/registrations/{registration_id}/mark-paid"): HANDLES,
    ("POST", "/registrations/{registration_id}/review"): HANDLES,
    ("POST", "/registrations/{registration_id}/checkin"): HANDLES,
    ("GET", "/stripe-events"): STAFF,
    ("GET", "/stripe-events/{stripe_event_id}"): STAFF,
    ("POST", "/stripe-events/{stripe_event_id}/replay"): HANDLES,
    ("GET", "/webhook-endpoints"): ORGANISES,
    ("POST", "/webhook-endpoints"): ORGANISES,
    ("GET", "/webhook-endpoints/{endpoint_id}"): ORGANISES,
    ("PATCH", "/webhook-endpoints/{endpoint_id}"): ORGANISES,
    ("DELETE", "/webhook-endpoints/{endpoint_id}"): ORGANISES,
    ("POST", "/webhook-endpoints/{endpoint_id}/rotate-secret"): ORGANISES,
    ("POST", "/webhook-endpoints/{endpoint_id}/test"): ORGANISES,
    ("GET", "/webhook-endpoints/{endpoint_id}/deliveries"): ORGANISES,
    ("POST", "/webhook-endpoints/{endpoint_id}/deliveries/{message_id}/resend"): ORGANISES,
}
BODIES = {
    ("POST", "/events"): {"title": ""},
    ("POST", "/events/{event_id}/registrations"): {},
    ("POST", "/events/{event_id}/waiting-list"): {},
    ("POST", "/registrations/{registration_id}/review"): {"resolution": "ignore"},
    ("POST", "/webhook-endpoints"): {},
}


@pytest.fixture
def shared(setting: Setting) -> None:
    setting(CORS_ORIGINS=SHOP)


def test_the_table_names_every_operation() -> None:
    paths = api.get_openapi_schema()["paths"]
    known = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in paths.items()
        for method in methods
    }
    assert known == set(TABLE)


@pytest.mark.django_db(transaction=True)
def test_each_role_may_call_just_what_is_its_work(staff: MakeCaller) -> None:
    callers = {None: Caller()} | {role: staff(str(role)) for role in STAFF}
    for (method, path), allowed in TABLE.items():
        address = path.replace("{", "").replace("}", "").replace("_", "-")
        for role, caller in callers.items():
            body = BODIES.get((method, path), {} if method in ("POST", "PATCH") else None)
            status = caller(method, address, body).status_code
            refused = status in (401, 403)
            assert refused is (role not in allowed), (method, path, role, status)
            if refused:
                assert status == (401 if role is None else 403)


@pytest.mark.django_db
class TestHowOften:
    FROM = "203.0.113.9"

    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "READS", Limit("address", 3))
        monkeypatch.setattr(limits, "WRITES", Limit("address-writes", 2))
        monkeypatch.setattr(limits, "KEYS", Limit("key", 4))

    def test_an_address_is_told_to_come_later(self) -> None:
        client = Client(REMOTE_ADDR=self.FROM)
        answers = [client.get("/api/v1/events") for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert answers[0]["RateLimit"] == '"address";r=2;t=20'
        problem = content(answers[3], 429)
        assert problem["code"] == "too_many_requests"
        assert answers[3]["Retry-After"] == "20"
        assert Client(REMOTE_ADDR="203.0.113.10").get("/api/v1/events").status_code == 200

    def test_fewer_calls_that_change_something(self, organiser: Caller) -> None:
        event = organiser.open_event(price=0)
        client = Client(REMOTE_ADDR=self.FROM)
        path = f"/api/v1/events/{event['id']}/registrations"
        sent = json.dumps({"contact": {}})
        statuses = [
            client.post(path, sent, content_type="application/json").status_code for _ in range(3)
        ]
        assert statuses == [422, 422, 429]

    def test_a_key_has_its_own_quota_wherever_it_comes_from(self, organiser: Caller) -> None:
        answers = [organiser.get("/events") for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 200, 200, 429]
        assert answers[0]["RateLimit-Policy"] == '"key";q=4;w=60'

    def test_guessing_keys_is_limited_too(self) -> None:
        client = Client(REMOTE_ADDR=self.FROM)
        statuses = [
            client.get("/api/v1/events", headers={"Authorization": f"Bearer ik_{n}"}).status_code
            for n in range(4)
        ]
        assert statuses == [401, 401, 401, 429]

    def test_our_own_proxy_is_not_taken_for_a_caller(self) -> None:
        client = Client(REMOTE_ADDR="10.0.0.2")
        assert {client.get("/api/v1/events").status_code for _ in range(9)} == {200}


@pytest.mark.django_db
class TestFromOtherPages:
    ASKS = {  # noqa: RUF012
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }

    @pytest.mark.usefixtures("shared")
    def test_a_named_origin_may_call(self) -> None:
        asked = Client().options("/api/v1/events/x/registrations", headers=self.ASKS)
        assert asked.status_code == 204
        assert asked["Access-Control-Allow-Origin"] == SHOP
        assert "Content-Type" in asked["Access-Control-Allow-Headers"]
        answer = Client().get("/api/v1/events", headers={"Origin": SHOP})
        assert answer["Access-Control-Allow-Origin"] == SHOP
        assert "Origin" in answer["Vary"]
        missing = Client().get("/api/v1/nothing", headers={"Origin": SHOP})
        assert missing["Access-Control-Allow-Origin"] == SHOP

    @pytest.mark.usefixtures("shared")
    def test_another_may_not(self) -> None:
        answer = Client().get("/api/v1/events", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in answer
        asked = Client().options(
            "/api/v1/events", headers=self.ASKS | {"Origin": "https://evil.example"}
        )
        assert asked.status_code == 405

    def test_by_default_none_may(self) -> None:
        answer = Client().get("/api/v1/events", headers={"Origin": SHOP})
        assert "Access-Control-Allow-Origin" not in answer
        assert Client().options("/api/v1/events", headers=self.ASKS).status_code == 405

    def test_no_cookie_is_ever_shared(self) -> None:
        answer = Client().get("/api/v1/events", headers={"Origin": SHOP})
        assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.django_db
def test_events_that_did_not_change_are_not_sent_again(organiser: Caller) -> None:
    event = organiser.open_event()
    path = f"/api/v1/events/{event['id']}"
    for address, how in (("/api/v1/events", "identity"), (path, "identity"), (path, "gzip")):
        first = Client().get(address, headers={"Accept-Encoding": how})
        assert first.get("Content-Encoding", "identity") == how
        known = {"If-None-Match": first["ETag"]}
        again = Client().get(address, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        organiser.patch(f"/events/{event['id']}", {"title": f"Neu {address} {how}"})
        changed = Client().get(address, headers=known)
        assert changed.status_code == 200
        assert changed["ETag"] != first["ETag"]
        assert changed["Cache-Control"] == "private, no-cache"
    assert "ETag" not in organiser.get("/stripe-events")


@pytest.mark.django_db
def test_pages_of_events_stay_right_while_others_are_added(organiser: Caller) -> None:
    ids = [organiser.open_event(title=f"E{n}")["id"] for n in range(5)]
    first = content(organiser.get("/events?limit=2"))
    organiser.open_event(starts_at="2029-07-02T14:00:00+02:00")
    organiser.open_event(starts_at="2029-07-04T14:00:00+02:00", ends_at="2029-07-05T14:00:00+02:00")
    seen, cursor = first["items"], first["next"]
    while cursor:
        page = content(organiser.get(f"/events?limit=2&cursor={cursor}"))
        seen, cursor = seen + page["items"], page["next"]
    found = [one["id"] for one in seen]
    assert len(found) == len(set(found))
    assert set(ids) <= set(found)
