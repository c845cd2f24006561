"""What an organiser asks is answered, and what was agreed to can be proved."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone, translation

from inscrit.events.models import Consent, Event, Question
from inscrit.registrations import services
from inscrit.registrations.models import Agreement, Answer, PaymentMethod, Registration
from inscrit.registrations.services import Consenting, Contact, Order, Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event() -> Event:
    starts = timezone.now() + timedelta(days=60)
    return Event.objects.create(
        title="Sortie",
        starts_at=starts,
        ends_at=starts + timedelta(days=1),
        price=1000,
        status="published",
    )


def ask(event: Event, text: str, **said: Any) -> Question:
    return Question.objects.create(event=event, text=text, **said)


def hold(event: Event, *replies: tuple[Question, str], locale: str = "fr", **more: Any) -> Any:
    """Each participant answers the same of what is asked of each."""
    each = tuple((q.pk, value) for q, value in replies if q.scope == "participant")
    once = tuple((q.pk, value) for q, value in replies if q.scope == "registration")
    people = [Person("Lou", "Roy", answers=each), Person("Noé", "Roy", answers=each)]
    contact = Contact("Ana Roy", "ana@example.org", locale)
    return services.hold_places(Order(event.pk, contact, people, answers=once, **more))


def refused(event: Event, *replies: tuple[Question, str], **more: Any) -> list[Any]:
    with pytest.raises(services.Unacceptable) as caught:
        hold(event, *replies, **more)
    assert not Registration.objects.exists()
    return [one.path for one in caught.value.mistakes]


def test_answers_are_kept_once_and_for_each_participant(event: Event) -> None:
    phone = ask(event, "Téléphone ?")
    allergies = ask(event, "Allergies ?", scope="participant", kind="long_text")
    made = hold(event, (phone, " 06 12 "), (allergies, "œufs\nlait"))
    kept = [(str(a.participant or ""), a.question.text, a.value) for a in made.answers.all()]
    assert sorted(kept) == [
        ("", "Téléphone ?", "06 12"),
        ("Lou Roy", "Allergies ?", "œufs\nlait"),
        ("Noé Roy", "Allergies ?", "œufs\nlait"),
    ]


def test_what_may_stay_empty_leaves_no_row(event: Event) -> None:
    hold(event, (ask(event, "Un mot ?"), "  "))
    assert not Answer.objects.exists()


def test_what_must_be_answered_is_named_for_each(event: Event) -> None:
    once = ask(event, "Téléphone ?", required=True)
    each = ask(event, "Taille ?", required=True, scope="participant")
    assert refused(event) == [
        ("participants", 0, "answers", each.pk),
        ("participants", 1, "answers", each.pk),
        ("answers", once.pk),
    ]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ({"kind": "choice", "choices": "S\nM\nL"}, "XXL"),
        ({"kind": "yes_no"}, "perhaps"),
        ({"kind": "text"}, "x" * 201),
        ({"kind": "long_text"}, "x" * 2001),
        ({"kind": "text"}, "nul \0 byte"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(
    event: Event, said: dict[str, str], value: str
) -> None:
    question = ask(event, "?", **said)
    assert refused(event, (question, value)) == [("answers", question.pk)]


def test_what_is_not_asked_is_not_taken(event: Event) -> None:
    retired = ask(event, "Avant ?", active=False)
    of_each = ask(event, "Taille ?", scope="participant")
    asked_once = Question(id=of_each.pk, scope="registration")
    assert refused(event, (retired, "x"), (asked_once, "M")) == [
        ("answers", retired.pk),
        ("answers", of_each.pk),
    ]


def test_a_choice_is_kept_in_its_first_wording_and_read_in_either(event: Event) -> None:
    meal = ask(
        event,
        "Repas ?",
        other_text="Meal?",
        kind="choice",
        choices="Viande\nVégétarien",
        other_choices="Meat\nVegetarian",
    )
    made = hold(event, (meal, "Végétarien"), locale="en")
    assert made.answers.get().value == "Végétarien"
    with translation.override("fr"):
        assert dict(meal.worded_choices) == {"Viande": "Viande", "Végétarien": "Végétarien"}
    with translation.override("en"):
        assert (str(made.answers.get().question), str(made.answers.get())) == (
            "Meal?",
            "Vegetarian",
        )


def test_a_question_that_has_answers_is_not_deleted(event: Event) -> None:
    question = ask(event, "?")
    hold(event, (question, "x"))
    with pytest.raises(ProtectedError):
        question.delete()


# Consents


def consent(event: Event, text: str, **said: Any) -> Consent:
    return Consent.objects.create(event=event, text=text, **said)


def test_what_was_agreed_to_is_kept_word_for_word_with_its_time(event: Event) -> None:
    rules = consent(event, "Règlement v1", other_text="Rules v1", required=True)
    photos = consent(event, "Photos")
    before = timezone.now()
    made = hold(event, consents=(Consenting(rules.pk, given=True),), locale="en")
    Consent.objects.update(text="v2", other_text="v2", active=False)
    kept = {one.consent_id: one for one in made.agreements.all()}
    assert (kept[rules.pk].text, kept[rules.pk].given) == ("Rules v1", True)
    assert (kept[photos.pk].text, kept[photos.pk].given) == ("Photos", False)
    assert before <= kept[rules.pk].at <= timezone.now()


def test_nobody_registers_without_what_must_be_agreed_to(event: Event) -> None:
    rules = consent(event, "Règlement", required=True)
    assert refused(event) == [("consents", rules.pk)]
    assert refused(event, consents=(Consenting(rules.pk, given=False),)) == [("consents", rules.pk)]


def test_who_read_another_wording_has_not_agreed(event: Event) -> None:
    rules = consent(event, "Règlement v1")
    seal = rules.seal("fr")
    Consent.objects.update(text="Règlement v2")
    given = (Consenting(rules.pk, given=True, seal=seal),)
    assert refused(event, consents=given) == [("consents", rules.pk)]


def test_the_database_does_not_rewrite_what_was_agreed_to(event: Event) -> None:
    rules = consent(event, "Règlement")
    hold(event, consents=(Consenting(rules.pk, given=True),))
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.update(text="Autre chose")
    assert Agreement.objects.get().text == "Règlement"


# Ways to pay


def test_a_way_to_pay_that_is_not_offered_is_refused(event: Event) -> None:
    assert refused(event, method=PaymentMethod.CASH) == [("payment_method",)]


def test_unless_told_the_first_way_that_is_offered_is_taken(event: Event) -> None:
    Event.objects.update(payment_methods=["transfer", "cash"])
    assert hold(event).payment_method == "cash"


@pytest.mark.parametrize("method", ["cheque", "cash", "transfer"])
def test_places_to_be_paid_by_hand_are_held_as_long_as_the_event_says(
    event: Event, method: str
) -> None:
    Event.objects.update(payment_methods=[method], payment_days=4)
    made = hold(event, method=PaymentMethod(method))
    assert made.status == "PENDING"
    wait = made.hold_expires_at - timezone.now()
    assert timedelta(days=3, hours=23) < wait <= timedelta(days=4)
    # Registration that closes takes no time from who has registered; the event's beginning does.
    begins = timezone.now() + timedelta(days=3)
    Event.objects.update(sales_end_at=timezone.now() + timedelta(minutes=20))
    assert hold(event, method=PaymentMethod(method)).hold_expires_at > begins
    Event.objects.update(starts_at=begins, ends_at=begins)
    assert hold(event, method=PaymentMethod(method)).hold_expires_at == begins
