"""Price options, questions, consents and ways to pay, through the API."""

from typing import Any

import pytest

from inscrit.api.schemas import (
    EVENT,
    REGISTRATION,
    REGISTRATION_IN_FULL,
    EventIn,
    RegistrationIn,
)
from inscrit.events.models import PriceOption

from .conftest import CONTACT, Caller, content

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = [
    {"name": "Adulte", "other_name": "Adult", "price": 1250},
    {"name": "Fratrie", "other_name": "Sibling", "price": 600, "quota": 1},
]
QUESTIONS = [
    {"text": "Taille ?", "kind": "choice", "choices": ["S", "M"], "scope": "participant"},
    {"text": "Sait nager ?", "other_text": "Swims?", "kind": "yes_no", "required": True},
]
CONSENTS = [{"text": "Le règlement", "other_text": "The rules", "required": True}]
ASKS: dict[str, Any] = {"options": OPTIONS, "questions": QUESTIONS, "consents": CONSENTS}


def said(event: dict[str, Any], *options: int, **changes: Any) -> dict[str, Any]:
    """A body that answers everything."""
    size, swims = (one["id"] for one in event["questions"])
    return {
        "contact": CONTACT | {"locale": "en"},
        "participants": [
            {
                "first_name": "Lou",
                "last_name": f"N{n}",
                "option": event["options"][chosen]["id"],
                "answers": [{"question": size, "value": "M"}],
            }
            for n, chosen in enumerate(options)
        ],
        "answers": [{"question": swims, "value": True}],
        "consents": [{"consent": event["consents"][0]["id"], "given": True}],
        "payment_method": "cheque",
        **changes,
    }


def register(anybody: Caller, event: dict[str, Any], body: Any, status: int = 201) -> Any:
    return content(anybody.post(f"/events/{event['id']}/registrations", body), status)


def fields(problem: dict[str, Any]) -> list[str]:
    return [error["field"] for error in problem["errors"]]


def test_an_event_says_what_it_offers_and_asks(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(
        **ASKS, payment_methods=["transfer", "stripe"], payment_days=5, how_to_pay="IBAN …"
    )
    assert [(one["name"], one["price"], one["remaining"]) for one in event["options"]] == [
        ("Adulte", 1250, None),
        ("Fratrie", 600, 1),
    ]
    assert event["questions"][0]["choices"] == ["S", "M"]
    assert (event["payment_days"], event["how_to_pay"]) == (5, "IBAN …")
    assert set(event["payment_methods"]) == {"transfer", "stripe"}
    public = content(anybody.get(f"/events/{event['id']}"))
    assert public == event | {"how_to_pay": None, "waiting": None}
    assert content(anybody.get("/events"))["items"] == [public]


def test_an_event_of_old_says_what_it_always_did(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event()
    assert (event["price"], event["options"], event["questions"], event["consents"]) == (
        1250,
        [],
        [],
        [],
    )
    assert event["payment_methods"] == ["stripe", "cheque"]
    made = anybody.register(event, 2, payment_method="cheque")
    assert (made["amount"], made["places"], made["status"]) == (2500, 2, "PENDING")


def test_everything_that_was_said_is_told_again(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(**ASKS)
    made = register(anybody, event, said(event, 0, 1))
    assert made["amount"] == 1850
    path = f"/registrations/{made['id']}"
    found = content(anybody.get(f"{path}?token={made['token']}"))
    for shown in (found, content(organiser.get(path))):
        first, second = shown["participants"]
        assert first["option"] == {"id": event["options"][0]["id"], "name": "Adult"}
        assert (first["price"], second["price"]) == (1250, 600)
        size, swims = (one["id"] for one in event["questions"])
        assert first["answers"] == [{"question": size, "text": "Taille ?", "value": "M"}]
        assert shown["answers"] == [{"question": swims, "text": "Swims?", "value": True}]
        (agreed,) = shown["consents"]
        assert (agreed["text"], agreed["given"]) == ("The rules", True)
        assert agreed["at"]


def test_each_mistake_is_named_by_its_way(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(**ASKS)
    size, swims = (one["id"] for one in event["questions"])
    body = said(event, 0, 0, payment_method="cash", answers=[], consents=[])
    del body["participants"][0]["option"]
    body["participants"][1]["answers"] = [{"question": size, "value": "XXL"}]
    problem = register(anybody, event, body, 422)
    assert problem["code"] == "invalid"
    assert fields(problem) == [
        "payment_method",
        "participants.0.option",
        f"participants.1.answers.{size}",
        f"answers.{swims}",
        f"consents.{event['consents'][0]['id']}",
    ]
    assert problem["errors"][1]["message"] == "Please choose one."


def test_the_price_that_is_full_is_named(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(**ASKS)
    problem = register(anybody, event, said(event, 0, 1, 1), 409)
    assert (problem["code"], problem["remaining"]) == ("sold_out", 1)
    assert problem["option"] == {"id": event["options"][1]["id"], "name": "Fratrie"}
    register(anybody, event, said(event, 1))
    assert register(anybody, event, said(event, 1), 409)["remaining"] == 0
    public = content(anybody.get(f"/events/{event['id']}"))
    assert [one["remaining"] for one in public["options"]] == [None, 0]
    assert public["remaining"] == event["remaining"] - 1


def test_nothing_remains_where_each_price_is_full(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(options=[{"name": "Enfant", "price": 0, "quota": 1}])
    anybody.register(event)
    path = f"/events/{event['id']}"
    (listed,) = content(anybody.get("/events"))["items"]
    told = [content(anybody.get(path)), content(anybody.get(f"{path}/places")), listed]
    assert [one["remaining"] for one in told] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"options": [{"name": "", "price": 1}]}, "options.0.name"),
        ({"options": [{"name": "a", "price": -1}]}, "options.0.price"),
        ({"options": [{"id": "opt-none", "name": "a", "price": 100}]}, "options.0.id"),
        ({"questions": [{"text": "?", "kind": "choice"}]}, "questions.0"),
        ({"questions": [{"text": "?", "choices": ["a"]}]}, "questions.0"),
        (
            {
                "questions": [
                    {"text": "?", "kind": "choice", "choices": ["a"], "other_choices": ["a", "b"]}
                ]
            },
            "questions.0",
        ),
        ({"consents": [{"text": " "}]}, "consents.0.text"),
        ({"payment_methods": []}, "payment_methods"),
        ({"payment_methods": ["gold"]}, "payment_methods.0"),
        ({"payment_days": 0}, "payment_days"),
    ],
)
def test_what_an_event_cannot_offer_is_named(
    organiser: Caller, change: dict[str, Any], field: str
) -> None:
    event = organiser.open_event()
    problem = content(organiser.patch(f"/events/{event['id']}", change), 422)
    assert fields(problem) == [field]


def test_a_list_is_changed_as_a_whole_and_what_somebody_has_is_retired(
    organiser: Caller, anybody: Caller
) -> None:
    event = organiser.open_event(**ASKS)
    made = register(anybody, event, said(event, 1))
    adult, _ = event["options"]
    new = [{"id": adult["id"], "name": "Adulte", "price": 1500}, {"name": "Enfant", "price": 700}]
    path = f"/events/{event['id']}"
    changed = content(organiser.patch(path, {"options": new, "questions": []}))
    assert {(one["name"], one["price"], one["active"]) for one in changed["options"]} == {
        ("Adulte", 1500, True),
        ("Enfant", 700, True),
        ("Fratrie", 600, False),
    }
    assert [one["active"] for one in changed["questions"]] == [False, False]
    public = content(anybody.get(path))
    assert [one["name"] for one in public["options"]] == ["Adulte", "Enfant"]
    assert public["questions"] == []
    kept = content(organiser.get(f"/registrations/{made['id']}"))
    assert (kept["amount"], kept["participants"][0]["price"]) == (600, 600)
    content(organiser.patch(path, {"options": []}))
    assert PriceOption.objects.filter(event=event["id"], active=True).count() == 0
    assert PriceOption.objects.filter(event=event["id"]).count() == 1


def test_a_quota_below_what_is_taken_is_a_conflict(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(**ASKS)
    register(anybody, event, said(event, 1))
    sibling = event["options"][1]
    less = [{"id": sibling["id"], "name": "Fratrie", "price": 600, "quota": 0}]
    problem = content(organiser.patch(f"/events/{event['id']}", {"options": less}), 409)
    assert (problem["code"], problem["option"], problem["taken"]) == (
        "quota_below_taken",
        sibling["id"],
        1,
    )


def test_an_answered_question_is_not_asked_in_another_way(
    organiser: Caller, anybody: Caller
) -> None:
    event = organiser.open_event(**ASKS)
    register(anybody, event, said(event, 0))
    swims = event["questions"][1]
    other = [{"id": swims["id"], "text": "Sait nager ?", "kind": "text"}]
    problem = content(organiser.patch(f"/events/{event['id']}", {"questions": other}), 422)
    assert fields(problem) == ["questions.0"]


@pytest.mark.parametrize("method", ["cheque", "cash", "transfer"])
def test_whatever_is_paid_by_hand_is_marked_paid(
    organiser: Caller, anybody: Caller, method: str
) -> None:
    event = organiser.open_event(payment_methods=[method])
    made = anybody.register(event)
    assert (made["status"], made["checkout_url"]) == ("PENDING", None)
    done = content(organiser.post(f"/registrations/{made['id']}/mark-paid"))
    assert (done["status"], done["payment_method"]) == ("PAID", method)


def test_the_same_body_with_the_same_key_is_the_same_request(
    organiser: Caller, anybody: Caller
) -> None:
    event = organiser.open_event(**ASKS)
    path = f"/events/{event['id']}/registrations"
    headers = {"Idempotency-Key": "k-1"}
    one = content(anybody.post(path, said(event, 1), **headers), 201)
    two = content(anybody.post(path, said(event, 1), **headers), 201)
    assert one["id"] == two["id"]
    other = content(anybody.post(path, said(event, 0), **headers), 422)
    assert other["code"] == "idempotency_key_reused"


def test_both_examples_of_a_registration_have_its_form() -> None:
    for example in (REGISTRATION, REGISTRATION_IN_FULL):
        RegistrationIn.model_validate(example)
    EventIn.model_validate(EVENT)
