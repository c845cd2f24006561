"""The API describes itself, and answers with problems wherever it fails."""

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from ninja.constants import NOT_SET

from inscrit.api import paging
from inscrit.api.schemas import PlacesOut, ProblemOut
from inscrit.api.urls import api
from inscrit.events.models import Event
from inscrit.outgoing.types import TYPES

from .conftest import Caller, content

CONTRACT = {
    ("get", "/events"),
    ("post", "/events"),
    ("get", "/events/{event_id}"),
    ("patch", "/events/{event_id}"),
    ("post", "/events/{event_id}/cancel"),
    ("get", "/events/{event_id}/places"),
    ("get", "/events/{event_id}/places/stream"),
    ("get", "/places/stream"),
    ("post", "/events/{event_id}/registrations"),
    ("get", "/registrations/{registration_id}"),
    ("post", "/registrations/{registration_id}/take-offer"),
    ("post", "/registrations/{registration_id}/cancel"),
    ("post", "/registrations/{registration_id}/refund"),
    ("post", "/registrations/{registration_id}/mark-paid"),
    ("post", "/registrations/{registration_id}/review"),
    ("post", "/registrations/{registration_id}/checkin"),
    ("get", "/events/{event_id}/cancellation"),
    ("get", "/events/{event_id}/waiting-list"),
    ("post", "/events/{event_id}/waiting-list"),
    ("get", "/stripe-events"),
    ("get", "/stripe-events/{stripe_event_id}"),
    ("post", "/stripe-events/{stripe_event_id}/replay"),
    ("get", "/webhook-endpoints"),
    ("post", "/webhook-endpoints"),
    ("get", "/webhook-endpoints/{endpoint_id}"),
    ("patch", "/webhook-endpoints/{endpoint_id}"),
    ("delete", "/webhook-endpoints/{endpoint_id}"),
    ("post", "/webhook-endpoints/{endpoint_id}/rotate-secret"),
    ("post", "/webhook-endpoints/{endpoint_id}/test"),
    ("get", "/webhook-endpoints/{endpoint_id}/deliveries"),
    ("post", "/webhook-endpoints/{endpoint_id}/deliveries/{message_id}/resend"),
}


@pytest.fixture
def schema() -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/openapi.json").json()
    return found


def test_every_operation_is_described(schema: dict[str, Any]) -> None:
    operations = {
        (method, path.removeprefix("/api/v1")): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == CONTRACT
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)
    for operation in operations.values():
        assert operation["summary"]
        assert operation["description"]
        for status, answer in operation["responses"].items():
            kinds = set(answer.get("content", ()))
            assert (kinds == {"application/problem+json"}) is (int(status) >= 400)


def test_what_is_sent_has_an_example(schema: dict[str, Any]) -> None:
    for name in (
        "EventIn",
        "EventPatch",
        "RegistrationIn",
        "WaitingIn",
        "OfferIn",
        "RefundIn",
        "ReviewIn",
        "CheckinIn",
        "EndpointIn",
        "EndpointPatch",
    ):
        assert schema["components"]["schemas"][name]["example"]


@pytest.mark.parametrize(
    ("model", "field", "format_"),
    [
        ("EventIn", "starts_at", "date-time"),
        ("EventPatch", "sales_end_at", "date-time"),
        ("ContactIn", "email", "email"),
        ("EndpointIn", "url", "uri"),
    ],
)
def test_forms_that_programs_know_are_named(
    schema: dict[str, Any], model: str, field: str, format_: str
) -> None:
    told = schema["components"]["schemas"][model]["properties"][field]
    assert format_ in (told.get("format"), *(one.get("format") for one in told.get("anyOf", ())))


def test_a_parameter_has_one_example_if_any(schema: dict[str, Any]) -> None:
    """Several would have to have names of their own, which pydantic's have not."""
    parameters = [
        parameter
        for methods in schema["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
    ]
    assert [one["name"] for one in parameters if "examples" in one] == []
    assert {"events", "type"} <= {one["name"] for one in parameters if "example" in one}


def test_the_examples_are_accepted(schema: dict[str, Any]) -> None:
    from inscrit.api.schemas import EventIn, RegistrationIn

    schemas = schema["components"]["schemas"]
    EventIn.model_validate(schemas["EventIn"]["example"])
    RegistrationIn.model_validate(schemas["RegistrationIn"]["example"])


def test_the_docs_need_nobody_else() -> None:
    page = Client().get("/api/docs").content.decode()
    assert "/static/ninja/swagger-ui-bundle.js" in page
    assert "//cdn" not in page


def test_an_unknown_address_is_a_problem(anybody: Caller) -> None:
    assert content(anybody.get("/nothing"), 404)["code"] == "not_found"


@pytest.mark.django_db
def test_our_own_error_is_a_problem_without_its_reason(
    anybody: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(paging, "_after", fails)
    monkeypatch.setattr(paging, "_read", lambda _: ())
    problem = content(anybody.get("/events?cursor=x"), 500)
    assert problem["code"] == "internal_error"
    assert "secret" not in json.dumps(problem)


@pytest.mark.django_db
def test_without_the_database_the_caller_may_come_again(
    anybody: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError

    monkeypatch.setattr(Event.objects, "all", away)
    answer = anybody.get("/events")
    assert content(answer, 503)["code"] == "unavailable"
    assert answer["Retry-After"]


def models() -> dict[tuple[str, int], Any]:
    """The pydantic model of each call's answer, by the call's name and the status."""
    found: dict[tuple[str, int], Any] = {}
    for _prefix, router in api._routers:
        for view in router.path_operations.values():
            for operation in view.operations:
                name = operation.view_func.__name__
                for status, model in operation.response_models.items():
                    if isinstance(status, int) and status < 300 and model not in (None, NOT_SET):
                        found[name, status] = model.model_fields["response"].annotation
    return found


def test_every_answer_has_an_example_that_is_true(schema: dict[str, Any]) -> None:
    known = models()
    seen = 0
    for methods in schema["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                media = answer.get("content", {}).get("application/json")
                if media is None:
                    continue
                model = known[operation["operationId"], int(status)]
                assert model.model_validate(media["example"])
                assert set(media["example"]) == set(model.model_fields)
                seen += 1
    assert seen == len(known)


def test_each_stream_of_places_shows_what_comes(schema: dict[str, Any]) -> None:
    of_one = _streamed(schema, "/api/v1/events/{event_id}/places/stream")
    of_several = _streamed(schema, "/api/v1/places/stream")
    assert PlacesOut.model_validate(of_one[0])
    assert len(of_several) > 1
    for told in of_several:
        assert told.pop("event_id").startswith("ev-")
        assert PlacesOut.model_validate(told)


def _streamed(schema: dict[str, Any], path: str) -> list[dict[str, Any]]:
    answer = schema["paths"][path]["get"]["responses"]["200"]
    (media,) = answer["content"]
    assert media == "text/event-stream"
    frames = answer["content"][media]["example"].strip().split("\n\n")
    data = [frame.removeprefix("event: places\ndata: ") for frame in frames]
    return [json.loads(one) for one in data]


def test_every_error_has_an_example_with_its_code(schema: dict[str, Any]) -> None:
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            errors = {s: a for s, a in operation["responses"].items() if int(s) >= 400}
            assert "503" in errors
            assert ("429" in errors) is ("/places" not in path)
            for status, answer in errors.items():
                told = answer["content"]["application/problem+json"]["examples"]
                assert told
                for code, example in told.items():
                    ProblemOut.model_validate(example["value"])
                    assert example["value"]["status"] == int(status)
                    assert example["value"]["code"] in (code, "checkout_unavailable")


def test_what_is_sent_by_webhook_is_described(schema: dict[str, Any]) -> None:
    assert set(schema["webhooks"]) == set(TYPES)
    paid = schema["webhooks"]["registration.paid"]["post"]["requestBody"]["content"]
    assert paid["application/json"]["example"]["data"]["status"] == "PAID"
