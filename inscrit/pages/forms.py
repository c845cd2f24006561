"""The registration form: a contact, one or several participants, and what the event asks."""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inscrit.deadlines import deadline
from inscrit.events.models import Event, PriceOption
from inscrit.events.terms import Terms
from inscrit.registrations import services
from inscrit.registrations.fields import (
    FULL_ADDRESS,
    REQUIRED,
    answer_field,
    check_name,
    consent_field,
    option_field,
)
from inscrit.registrations.models import Participant, PaymentMethod, Registration
from inscrit.registrations.services import (
    MOST_PARTICIPANTS,
    Consenting,
    Contact,
    Order,
    Person,
)

KEY = re.compile(r"[\w-]{20,64}")
NAMES = ("first_name", "last_name")
# What a question or a consent may end with, and a colon must not follow.
ENDS = " \u00a0\u202f.:?!"


def new_key() -> str:
    return secrets.token_urlsafe(24)


def _longest(model: type[Registration | Participant], name: str) -> int | None:
    return model._meta.get_field(name).max_length  # type: ignore[union-attr]


class ContactForm(forms.Form):
    """Who registers."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=_longest(Registration, "contact_name"),
        validators=[check_name],
        error_messages=REQUIRED,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        help_text=gettext_lazy("The confirmation and the link to your registration go there."),
        max_length=_longest(Registration, "contact_email"),
        validators=[FULL_ADDRESS],
        error_messages=REQUIRED
        | {"invalid": gettext_lazy("Please write a full address, such as name@example.org.")},
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )


class ParticipantForm(forms.Form):
    """One person who takes a place. All of them share their field names, in order.

    So each of its fields must send something even where nothing is chosen.
    """

    first_name = forms.CharField(
        label=gettext_lazy("First name"),
        max_length=_longest(Participant, "first_name"),
        validators=[check_name],
        error_messages=REQUIRED,
    )
    last_name = forms.CharField(
        label=gettext_lazy("Last name"),
        max_length=_longest(Participant, "last_name"),
        validators=[check_name],
        error_messages=REQUIRED,
    )

    def __init__(self, terms: Terms, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._terms = terms
        if len(terms.options) > 1:
            self.fields["option"] = option_field(terms.options)
        for question in terms.asked_of_each:
            self.fields[question.pk] = answer_field(question)

    @property
    def asked(self) -> list[forms.BoundField]:
        """Everything but the names."""
        return [bound for bound in self if bound.name not in NAMES]

    @property
    def price(self) -> int:
        """What the place costs as far as it is known yet."""
        if len(self._terms.options) < 2:
            return self._terms.prices[0]
        chosen = self["option"].value()
        return next((one.price for one in self._terms.options if one.pk == chosen), 0)

    def person(self) -> Person:
        said = self.cleaned_data
        asked = tuple((one.pk, said[one.pk]) for one in self._terms.asked_of_each)
        return Person(said["first_name"], said["last_name"], said.get("option"), asked)


class AskedForm(forms.Form):
    """Fields that the event brings."""

    def __init__(self, fields: Mapping[str, forms.Field], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(fields)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One line of the summary of errors, with the field it leads to."""

    field_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay: its radio button, and what it means."""

    radio: Any
    hint: str


@dataclass(slots=True)
class RegistrationForm:
    """All of it. ``key`` makes sure that sending the same form twice registers once."""

    terms: Terms
    contact: ContactForm
    people: list[ParticipantForm]
    answers: AskedForm
    consents: AskedForm
    method: AskedForm
    key: str = field(default_factory=new_key)

    @classmethod
    def blank(cls, terms: Terms) -> "RegistrationForm":
        return cls(terms, ContactForm(), _people(terms, [{}]), *_asked(terms))

    @classmethod
    def submitted(cls, terms: Terms, data: QueryDict) -> "RegistrationForm":
        """The form as it was sent, to be checked."""
        people = _people(terms, _given(terms, data), bound=True)
        form = cls(terms, ContactForm(data), people, *_asked(terms, data))
        if KEY.fullmatch(sent := data.get("key", "")):
            form.key = sent
        return form

    @classmethod
    def edited(cls, terms: Terms, data: QueryDict) -> "RegistrationForm":
        """The form with a participant more or less, and everything else as it was."""
        given = _given(terms, data)
        if "remove" in data:
            given = [one for n, one in enumerate(given) if str(n) != data["remove"]] or [{}]
        elif len(given) < MOST_PARTICIPANTS:
            given.append({"last_name": given[-1].get("last_name", "")})
        written = data.dict()
        contact = ContactForm(initial=written)
        return cls(terms, contact, _people(terms, given), *_asked(terms, initial=written))

    def is_valid(self) -> bool:
        # A list, not a generator: every part is checked, so that all errors show at once.
        checks = [one.is_valid() for one in self._parts]
        return all(checks) and not self.is_too_large

    @property
    def _parts(self) -> list[forms.Form]:
        return [self.contact, *self.people, self.answers, self.method, self.consents]

    @property
    def event(self) -> Event:
        return self.terms.event

    @property
    def empty_person(self) -> ParticipantForm:
        """What form.js copies; ``NEW`` gives way to a number."""
        return ParticipantForm(self.terms, auto_id="participant-NEW-%s")

    @property
    def methods(self) -> list[PaymentMethod]:
        return methods_for(self.terms)

    @property
    def ways(self) -> list[Way]:
        """Where there is a choice: how one may pay."""
        if "payment_method" not in self.method.fields:
            return []
        radios = self.method["payment_method"]
        return [Way(radio, self._hint(radio.data["value"])) for radio in radios]

    @property
    def only_way(self) -> str:
        """Where there is none: what the one way means."""
        if len(self.methods) != 1:
            return ""
        return self._hint(self.methods[0])

    def _hint(self, method: str) -> str:
        by_hand = self.event.held_for_payment_by_hand(timezone.now())
        return hint(method, by_hand, self.event.time_zone)

    @property
    def has_options(self) -> bool:
        """Whether a participant has a choice of prices."""
        return len(self.terms.options) > 1

    @property
    def only_price(self) -> int:
        return self.terms.prices[0]

    @property
    def goes_to_stripe(self) -> bool:
        """Whether sending it always leads to a payment page."""
        return min(self.terms.prices) > 0 and self.methods == [PaymentMethod.STRIPE]

    @property
    def is_for_one(self) -> bool:
        return len(self.people) == 1

    @property
    def is_too_large(self) -> bool:
        return len(self.people) > MOST_PARTICIPANTS

    @property
    def can_grow(self) -> bool:
        return len(self.people) < MOST_PARTICIPANTS

    @property
    def most_participants(self) -> int:
        return MOST_PARTICIPANTS

    @property
    def total(self) -> int:
        return sum(person.price for person in self.people)

    @property
    def mistakes(self) -> list[Mistake]:
        """The summary of errors, in the order of the form."""
        found = list(_mistakes(self.contact))
        for number, person in enumerate(self.people, start=1):
            found += _mistakes(person, _(" (participant {n})").format(n=number))
        if self.is_too_large:
            most = _("One form takes {n} participants at most.").format(n=MOST_PARTICIPANTS)
            found.append(Mistake("people", most))
        for part in (self.answers, self.method, self.consents):
            found += _mistakes(part)
        return found

    def order(self, locale: str) -> Order:
        """What the valid form asks for."""
        contact = self.contact.cleaned_data
        chosen = self.method.cleaned_data.get("payment_method") or next(iter(self.methods), None)
        seals = self.consents.cleaned_data.items()
        return Order(
            event_id=self.event.pk,
            contact=Contact(contact["name"], contact["email"], locale),
            participants=[person.person() for person in self.people],
            method=PaymentMethod(chosen) if chosen else None,
            idempotency_key=self.key,
            answers=tuple(self.answers.cleaned_data.items()),
            consents=tuple(
                Consenting(consent, given=bool(seal), seal=seal or None) for consent, seal in seals
            ),
        )

    def take(self, mistakes: Iterable[services.Mistake]) -> list[str]:
        """Put what the service objected to beside its field; what has none here is returned."""
        return [one.text for one in mistakes if not self._put(one.path, one.text)]

    def say_sold_out(self, option: PriceOption, remaining: int) -> bool:
        """Beside each participant's price; False if there was nothing to choose."""
        text = too_few_at(remaining)
        concerned = [one for one in self.people if one.cleaned_data.get("option") == option.pk]
        for person in concerned:
            person.add_error("option", text)
        return bool(concerned)

    def _put(self, path: Sequence[str | int], text: str) -> bool:
        match path:
            case ("participants", int(number), *_, str(name)):
                part: forms.Form = self.people[number]
            case ("answers", str(name)):
                part = self.answers
            case ("consents", str(name)):
                part = self.consents
            case _:
                part, name = self.method, str(path[0])
        if name in part.fields:
            part.add_error(name, text)
        return name in part.fields


def methods_for(terms: Terms) -> list[PaymentMethod]:
    return [] if terms.is_free else terms.event.methods_in_time(timezone.now())


def hint(method: str, by_hand: datetime, zone: str) -> str:
    """What choosing this way to pay means; ``by_hand``: until when who pays by hand has time."""
    if method == PaymentMethod.STRIPE:
        return _("You have 30 minutes to pay.")
    with timezone.override(zone):
        date = deadline(by_hand)
    if method == PaymentMethod.CASH:
        return _("At the organiser’s, before {date}.").format(date=date)
    return _("It has to arrive before {date}.").format(date=date)


def too_few_at(remaining: int) -> str:
    """At a price of which there are too few left."""
    if remaining <= 0:
        return _("There is none left at this price.")
    return ngettext(
        "There is only {n} left at this price.",
        "There are only {n} left at this price.",
        remaining,
    ).format(n=remaining)


def _mistakes(form: forms.Form, whose: str = "") -> Iterator[Mistake]:
    for bound in form:
        label = Truncator(str(bound.label)).chars(60).rstrip(ENDS)
        for error in bound.errors:
            text = _("{field}{whose}: {error}").format(field=label, whose=whose, error=error)
            yield Mistake(bound.id_for_label, text)


def _asked(
    terms: Terms, data: QueryDict | None = None, initial: Mapping[str, Any] | None = None
) -> tuple[AskedForm, AskedForm, AskedForm]:
    """What is asked once: questions, consents, and how to pay where there is a choice."""
    answers = {question.pk: answer_field(question) for question in terms.asked_once}
    consents = {consent.pk: consent_field(consent) for consent in terms.consents}
    parts = (answers, consents, _method_field(methods_for(terms)))
    answered, agreed, method = (AskedForm(one, data, initial=initial) for one in parts)
    return answered, agreed, method


def _method_field(methods: Sequence[PaymentMethod]) -> dict[str, forms.Field]:
    if len(methods) < 2:
        return {}
    radios = forms.ChoiceField(
        label=_("How will you pay?"),
        choices=[(one.value, one.label) for one in methods],
        initial=methods[0].value,
        required=False,
        widget=forms.RadioSelect,
    )
    return {"payment_method": radios}


def _given(terms: Terms, data: QueryDict) -> list[dict[str, str]]:
    """The participants as they were written; what is missing of one counts as empty.

    Of too many there is one too many: a page of hundreds would only cost.
    """
    names = list(ParticipantForm(terms).fields)
    columns = {name: data.getlist(name) for name in names}
    rows = min(max(*(len(columns[name]) for name in NAMES), 1), MOST_PARTICIPANTS + 1)
    return [
        {name: "".join(column[n : n + 1]) for name, column in columns.items()} for n in range(rows)
    ]


def _people(
    terms: Terms, given: list[dict[str, str]], *, bound: bool = False
) -> list[ParticipantForm]:
    return [
        ParticipantForm(terms, one if bound else None, auto_id=f"participant-{n}-%s", initial=one)
        for n, one in enumerate(given)
    ]
