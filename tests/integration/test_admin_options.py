"""At the back office: what an event offers and asks."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inscrit.events.models import Consent, Event, PriceOption, Question
from inscrit.registrations.models import PaymentMethod
from inscrit.registrations.services import Consenting, Contact, Order, Person, hold_places

from .test_admin import event as event  # noqa: PLC0414 - a fixture
from .test_admin import form_of, forms, page, sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(User.objects.create_superuser("marie", "marie@example.org", "x"))
    return client


def rows(name: str, event: Event, *given: dict[str, Any], stored: int = 0) -> dict[str, Any]:
    """What a browser sends about the rows of one inline."""
    said: dict[str, Any] = {f"{name}-TOTAL_FORMS": len(given), f"{name}-INITIAL_FORMS": stored}
    for number, row in enumerate(given):
        for field, value in ({"event": event.pk, "position": number} | row).items():
            said[f"{name}-{number}-{field}"] = value
    return said


def save(desk: Client, event: Event, **said: Any) -> Any:
    return sent(desk, event, form_of(event, **said))


CHILD = {"name": "Enfant", "other_name": "Child", "price": "8,50", "quota": "", "active": "on"}


def test_prices_questions_and_consents_are_written_on_the_event_s_page(
    desk: Client, event: Event
) -> None:
    question = {
        "text": "Repas ?",
        "kind": "choice",
        "scope": "participant",
        "choices": "Viande\nSans",
        "other_choices": "Meat\nNone",
        "active": "on",
    }
    consent = {"text": "Le règlement", "required": "on", "active": "on"}
    answer = save(
        desk,
        event,
        payment_methods=["transfer", "cash"],
        payment_days=5,
        how_to_pay="IBAN …",
        **rows("options", event, CHILD),
        **rows("questions", event, question),
        **rows("consents", event, consent),
    )
    assert answer.status_code == 302, answer.context["errors"]
    event.refresh_from_db()
    assert sorted(event.payment_methods) == ["cash", "transfer"]
    assert event.payment_days == 5
    assert (event.options.get().price, event.options.get().other_name) == (850, "Child")
    assert event.questions.get().lines == ["Viande", "Sans"]
    assert event.consents.get().required
    shown = desk.get(page("event", event.pk)).content.decode()
    assert 'value="8.50"' in shown


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("options", CHILD | {"price": "8.505"}),
        ("options", CHILD | {"price": "-1"}),
        ("options", CHILD | {"price": "0,49"}),
        ("options", CHILD | {"name": ""}),
        ("questions", {"text": "?", "kind": "choice", "scope": "participant", "active": "on"}),
        (
            "questions",
            {
                "text": "?",
                "kind": "choice",
                "scope": "participant",
                "choices": "a\nb",
                "other_choices": "a",
            },
        ),
        ("consents", {"text": "", "required": "on"}),
    ],
)
def test_what_cannot_be_is_told_in_the_form(
    desk: Client, event: Event, name: str, row: dict[str, str]
) -> None:
    answer = save(desk, event, **rows(name, event, row))
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert not PriceOption.objects.exists()
    assert not Question.objects.exists()
    assert not Consent.objects.exists()


def taken(event: Event) -> tuple[PriceOption, Question, Consent]:
    """Each of them once, and a registration that has them."""
    option = PriceOption.objects.create(event=event, name="Enfant", price=850, quota=4)
    question = Question.objects.create(event=event, text="Allergies ?")
    consent = Consent.objects.create(event=event, text="Le règlement", required=True)
    people = [Person("Lou", "Roy", option.pk), Person("Noé", "Roy", option.pk)]
    hold_places(
        Order(
            event.pk,
            Contact("Ana Roy", "ana@example.org", "fr"),
            people,
            PaymentMethod.CHEQUE,
            answers=((question.pk, "arachides"),),
            consents=(Consenting(consent.pk, given=True),),
        )
    )
    return option, question, consent


def test_what_somebody_has_is_retired_and_never_deleted(desk: Client, event: Event) -> None:
    option, question, consent = taken(event)
    answer = save(
        desk,
        event,
        **rows(
            "options",
            event,
            {"id": option.pk, "name": "Enfant", "price": "9", "quota": "4", "DELETE": "on"},
            stored=1,
        ),
        **rows(
            "questions",
            event,
            {
                "id": question.pk,
                "text": "Allergies ?",
                "kind": "text",
                "scope": "registration",
                "DELETE": "on",
            },
            stored=1,
        ),
        **rows(
            "consents",
            event,
            {"id": consent.pk, "text": "Le règlement", "DELETE": "on"},
            stored=1,
        ),
    )
    assert answer.status_code == 302
    for item in (option, question, consent):
        item.refresh_from_db()
        assert not item.active
    assert (option.price, option.taken) == (900, 2)
    assert [one.price for one in option.participants.all()] == [850, 850]
    assert event.registrations.get().amount == 1700


def test_what_nobody_has_is_deleted(desk: Client, event: Event) -> None:
    option = PriceOption.objects.create(event=event, name="Enfant", price=850)
    row = {"id": option.pk, "name": "Enfant", "price": "8.50", "active": "on", "DELETE": "on"}
    save(desk, event, **rows("options", event, row, stored=1))
    assert not PriceOption.objects.exists()


def test_a_quota_below_what_is_taken_is_refused(desk: Client, event: Event) -> None:
    option, *_ = taken(event)
    row = {"id": option.pk, "name": "Enfant", "price": "8.50", "quota": "1", "active": "on"}
    answer = save(desk, event, **rows("options", event, row, stored=1))
    assert answer.status_code == 200
    assert "There are already more registrations at this price" in answer.content.decode()
    option.refresh_from_db()
    assert option.quota == 4


def test_an_answered_question_is_not_asked_in_another_way(desk: Client, event: Event) -> None:
    _, question, _ = taken(event)
    row = {"id": question.pk, "text": "?", "kind": "yes_no", "scope": "registration"}
    answer = save(desk, event, **rows("questions", event, row, stored=1))
    assert answer.status_code == 200
    assert "It has been answered." in answer.content.decode()


def test_a_registration_s_page_shows_prices_answers_and_consents(
    desk: Client, event: Event
) -> None:
    taken(event)
    shown = desk.get(page("registration", event.registrations.get().pk)).content.decode()
    for said in ("Enfant", "€8.50", "Allergies ?", "arachides", "Le règlement", "Agreed"):
        assert said in shown


def test_an_event_without_any_of_these_is_saved_as_before(desk: Client, event: Event) -> None:
    assert save(desk, event, title="Kermesse", **forms("options", 0)).status_code == 302
    event.refresh_from_db()
    assert (event.title, event.price) == ("Kermesse", 1250)
