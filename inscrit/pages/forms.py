"""The registration form: a contact and one or several participants."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inscrit.events.models import Event
from inscrit.registrations.models import Participant, PaymentMethod, Registration
from inscrit.registrations.services import (
    CHEQUE_HOLD,
    MOST_PARTICIPANTS,
    Contact,
    Order,
    Person,
)

REQUIRED = {"required": gettext_lazy("Please fill this in.")}
KEY = re.compile(r"[\w-]{20,64}")


def _longest(model: type[Registration | Participant], name: str) -> int | None:
    return model._meta.get_field(name).max_length  # type: ignore[union-attr]


class ContactForm(forms.Form):
    """Who registers, and how they want to pay where there is a choice."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=_longest(Registration, "contact_name"),
        error_messages=REQUIRED,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        help_text=gettext_lazy("The confirmation and the link to your registration go there."),
        max_length=_longest(Registration, "contact_email"),
        error_messages=REQUIRED
        | {"invalid": gettext_lazy("Please write a full address, such as name@example.org.")},
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )
    payment_method = forms.ChoiceField(
        label=gettext_lazy("How will you pay?"), required=False, widget=forms.RadioSelect
    )

    def __init__(self, event: Event, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        methods = methods_for(event)
        if len(methods) > 1:
            self.fields["payment_method"].choices = [(m.value, m.label) for m in methods]  # type: ignore[attr-defined]
            self.fields["payment_method"].initial = methods[0].value
        else:
            del self.fields["payment_method"]


class ParticipantForm(forms.Form):
    """One person who takes a place. All of them share their field names, in order."""

    first_name = forms.CharField(
        label=gettext_lazy("First name"),
        max_length=_longest(Participant, "first_name"),
        error_messages=REQUIRED,
    )
    last_name = forms.CharField(
        label=gettext_lazy("Last name"),
        max_length=_longest(Participant, "last_name"),
        error_messages=REQUIRED,
    )


@dataclass(frozen=True, slots=True)
class Mistake:
    """One line of the summary of errors, with the field it leads to."""

    field_id: str
    text: str


@dataclass(slots=True)
class RegistrationForm:
    """All of it. ``key`` makes sure that sending the same form twice registers once."""

    event: Event
    contact: ContactForm
    people: list[ParticipantForm]
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @classmethod
    def blank(cls, event: Event) -> "RegistrationForm":
        return cls(event, ContactForm(event), _people([{}]))

    @classmethod
    def submitted(cls, event: Event, data: QueryDict) -> "RegistrationForm":
        """The form as it was sent, to be checked."""
        form = cls(event, ContactForm(event, data), _people(_given(data), bound=True))
        if KEY.fullmatch(sent := data.get("key", "")):
            form.key = sent
        return form

    @classmethod
    def edited(cls, event: Event, data: QueryDict) -> "RegistrationForm":
        """The form with a participant more or less, and everything else as it was."""
        given = _given(data)
        if "remove" in data:
            given = [one for n, one in enumerate(given) if str(n) != data["remove"]] or [{}]
        elif len(given) < MOST_PARTICIPANTS:
            given.append({"last_name": given[-1].get("last_name", "")})
        return cls(event, ContactForm(event, initial=data.dict()), _people(given))

    def is_valid(self) -> bool:
        # A list, not a generator: every participant is checked, so that all errors show at once.
        checks = [self.contact.is_valid(), *[person.is_valid() for person in self.people]]
        return all(checks) and not self.is_too_large

    @property
    def empty_person(self) -> ParticipantForm:
        """What participants.js copies; ``NEW`` gives way to a number."""
        return ParticipantForm(auto_id="participant-NEW-%s")

    @property
    def goes_to_stripe(self) -> bool:
        """Whether sending it always leads to a payment page."""
        return self.event.price > 0 and "payment_method" not in self.contact.fields

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
        return self.event.price * len(self.people)

    @property
    def mistakes(self) -> list[Mistake]:
        """The summary of errors, in the order of the form."""
        found = list(_mistakes(self.contact))
        for number, person in enumerate(self.people, start=1):
            found += _mistakes(person, _(" (participant {n})").format(n=number))
        if self.is_too_large:
            most = _("One form takes {n} participants at most.").format(n=MOST_PARTICIPANTS)
            found.append(Mistake("people", most))
        return found

    def order(self, locale: str) -> Order:
        """What the valid form asks for."""
        contact = self.contact.cleaned_data
        return Order(
            event_id=self.event.pk,
            contact=Contact(contact["name"], contact["email"], locale),
            participants=[Person(**person.cleaned_data) for person in self.people],
            method=PaymentMethod(contact.get("payment_method") or PaymentMethod.STRIPE),
            idempotency_key=self.key,
        )


def methods_for(event: Event) -> list[PaymentMethod]:
    """The ways to pay. A cheque makes sense only if it can arrive before the event."""
    if event.price == 0:
        return []
    if timezone.now() + CHEQUE_HOLD < event.starts_at:
        return [PaymentMethod.STRIPE, PaymentMethod.CHEQUE]
    return [PaymentMethod.STRIPE]


def _mistakes(form: forms.Form, whose: str = "") -> Iterator[Mistake]:
    for bound in form:
        for error in bound.errors:
            text = _("{field}{whose}: {error}").format(field=bound.label, whose=whose, error=error)
            yield Mistake(bound.id_for_label, text)


def _given(data: QueryDict) -> list[dict[str, str]]:
    """The participants as they were written; a missing half of a name counts as empty."""
    first, last = data.getlist("first_name"), data.getlist("last_name")
    return [
        {"first_name": "".join(first[n : n + 1]), "last_name": "".join(last[n : n + 1])}
        for n in range(max(len(first), len(last), 1))
    ]


def _people(given: list[dict[str, str]], *, bound: bool = False) -> list[ParticipantForm]:
    return [
        ParticipantForm(one if bound else None, auto_id=f"participant-{n}-%s", initial=one)
        for n, one in enumerate(given)
    ]
