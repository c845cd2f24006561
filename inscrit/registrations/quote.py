"""What an order comes to: each place with its price, the answers, what is agreed to.

Or what stands against it: then every mistake is told, each with the way to its field.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from inscrit.events.consents import Consent
from inscrit.events.models import Event
from inscrit.events.options import PriceOption
from inscrit.events.questions import Question
from inscrit.events.terms import Terms

from .fields import CHOOSE, MUST_AGREE, answer_field
from .models import PaymentMethod
from .orders import Consenting, Order, Person, Replies


@dataclass(frozen=True, slots=True)
class Mistake:
    """``path`` leads to the field as the API names it: ``("participants", 0, "option")``."""

    path: tuple[str | int, ...]
    text: str


class Unacceptable(Exception):
    """The order does not answer what the event asks; ``mistakes`` say what to mend."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(mistake.text for mistake in mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Seat:
    """A participant with the price they are given."""

    person: Person
    option: PriceOption | None
    price: int
    answers: Replies

    def __str__(self) -> str:
        return f"{self.person.first_name} {self.person.last_name}"

    @property
    def option_name(self) -> str:
        """In the language that is active."""
        return self.option.wording() if self.option else ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """A consent that was asked for: the words that were read, and when."""

    consent: Consent
    given: bool
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    method: PaymentMethod
    seats: Sequence[Seat]
    answers: Replies
    agreements: Sequence[Agreed]

    @property
    def amount(self) -> int:
        return sum(seat.price for seat in self.seats)

    @property
    def options(self) -> dict[PriceOption, int]:
        """How many places of each price option, in the order of their ids."""
        taken = Counter(seat.option for seat in self.seats if seat.option)
        return dict(sorted(taken.items(), key=lambda one: one[0].pk))


def quote(order: Order, terms: Terms) -> Quote:
    """What the order comes to now. Raises Unacceptable."""
    mistakes: list[Mistake] = []
    made = Quote(
        _method(order, terms, mistakes),
        [_seat(n, person, terms, mistakes) for n, person in enumerate(order.participants)],
        _replies(("answers",), terms.asked_once, order.answers, mistakes),
        list(_agreements(order, terms, mistakes)),
    )
    if mistakes:
        raise Unacceptable(mistakes)
    return made


def _method(order: Order, terms: Terms, mistakes: list[Mistake]) -> PaymentMethod:
    if order.method is None:
        return terms.event.methods[0]
    if order.method not in terms.event.methods:
        mistakes.append(not_offered(terms.event))
    return order.method


def not_offered(event: Event) -> Mistake:
    offers = ", ".join(str(one.label) for one in event.methods)
    text = _("This way to pay is not offered here. There is: {offers}.").format(offers=offers)
    return Mistake(("payment_method",), text)


def _seat(number: int, person: Person, terms: Terms, mistakes: list[Mistake]) -> Seat:
    at = ("participants", number)
    answers = _replies((*at, "answers"), terms.asked_of_each, person.answers, mistakes)
    option = _option(person, terms)
    if option is None and (terms.options or person.option):
        why = "invalid_choice" if person.option else "required"
        mistakes.append(Mistake((*at, "option"), str(CHOOSE[why])))
    return Seat(person, option, option.price if option else terms.event.price, answers)


def _option(person: Person, terms: Terms) -> PriceOption | None:
    if person.option is None and len(terms.options) == 1:
        return terms.options[0]
    return next((one for one in terms.options if one.pk == person.option), None)


def _replies(
    path: tuple[str | int, ...],
    questions: Sequence[Question],
    given: Replies,
    mistakes: list[Mistake],
) -> Replies:
    """The answers that say something, in the order of the questions."""
    replies = dict(given)
    accepted = []
    for question in questions:
        try:
            value = answer_field(question).clean(replies.pop(question.pk, ""))
        except ValidationError as error:
            mistakes.append(Mistake((*path, question.pk), " ".join(error.messages)))
            continue
        if value:
            accepted.append((question.pk, value))
    mistakes += (Mistake((*path, unknown), _("This is not asked here.")) for unknown in replies)
    return tuple(accepted)


def _agreements(order: Order, terms: Terms, mistakes: list[Mistake]) -> Iterator[Agreed]:
    locale, now = order.contact.locale, timezone.now()
    given = {one.consent: one for one in order.consents}
    for consent in terms.consents:
        answer = given.pop(consent.pk, None) or Consenting(consent.pk, given=False)
        if problem := _objection(consent, answer, locale):
            mistakes.append(Mistake(("consents", consent.pk), problem))
        yield Agreed(consent, answer.given, consent.wording(locale), now)
    mistakes += (Mistake(("consents", one), _("This is not asked here.")) for one in given)


def _objection(consent: Consent, answer: Consenting, locale: str) -> str:
    if consent.required and not answer.given:
        return str(MUST_AGREE)
    if answer.given and answer.seal not in (None, consent.seal(locale)):
        return _("This was worded anew a moment ago. Please read it again.")
    return ""
