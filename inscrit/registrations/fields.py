"""The form field of each thing an event asks: one rule for the page and for the API."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inscrit.events.consents import Consent
from inscrit.events.options import PriceOption
from inscrit.events.questions import Question, QuestionKind

REQUIRED = {"required": gettext_lazy("Please fill this in.")}
CHOOSE = {
    "required": gettext_lazy("Please choose one."),
    "invalid_choice": gettext_lazy("Please choose one of those that are offered."),
}
# Django would take name@localhost; Stripe refuses it, and so would most mail servers.
FULL_ADDRESS = EmailValidator(allowlist=())
# What a mail program would make a link of. A name stands in our mails, which go to an address that
# anybody may write down.
LINK = re.compile(r"://|\bwww\.|\w{2,}\.[a-z]{2,}/", re.IGNORECASE)
LONGEST_LINE = 200
LONGEST_TEXT = 2000


def check_name(text: str) -> None:
    """Raises ValidationError for a name that nobody has: with control signs, or a link."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise ValidationError(_("Please write a name, on one line."))
    if LINK.search(text):
        raise ValidationError(_("Please write a name, without a link."))


class OptionSelect(forms.Select):
    """Scripts read each price. What is full can be chosen too: one may wait for it."""

    offered: Sequence[PriceOption] = ()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        made = super().create_option(name, value, *args, **kwargs)
        option = next((one for one in self.offered if one.pk == value), None)
        if option is not None:
            made["attrs"]["data-price"] = option.price
        return made


class Agree(forms.CheckboxInput):
    """Its value is the wording's seal, so that another wording is ticked anew."""

    def __init__(self, seal: str) -> None:
        super().__init__(attrs={"value": seal}, check_test=lambda value: value == seal)

    def format_value(self, value: Any) -> None:  # noqa: ARG002 - the seal, whatever was sent
        return None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:  # noqa: ARG002
        return data.get(name, "")


def option_field(options: Sequence[PriceOption]) -> forms.ChoiceField:
    """Which price a participant takes."""
    labels = [(option.pk, _label(option)) for option in options]
    widget = OptionSelect()
    widget.offered = options
    return forms.ChoiceField(
        label=_("Price"),
        choices=[("", _("Choose …")), *labels],
        widget=widget,
        error_messages=CHOOSE,
    )


def _label(option: PriceOption) -> str:
    named = {"name": option.wording(), "price": option.price_in_words}
    if option.is_full:
        return _("{name} · {price} (sold out, waiting list)").format(**named)
    return _("{name} · {price}").format(**named)


class LongText(forms.CharField):
    """Its line ends are one character each, as the browser counts them for ``maxlength``.

    What a form sends has two (HTML, "Constructing the entry list").
    """

    def to_python(self, value: object) -> str | None:
        return super().to_python(str(value).replace("\r\n", "\n") if value else value)


def answer_field(question: Question) -> forms.CharField | forms.ChoiceField:
    """What takes a question's answer; all of them send something even if it is left empty."""
    label = question.wording()
    if question.kind == QuestionKind.TEXT:
        return forms.CharField(
            label=label,
            required=question.required,
            max_length=LONGEST_LINE,
            error_messages=REQUIRED,
        )
    if question.kind == QuestionKind.LONG_TEXT:
        return LongText(
            label=label,
            required=question.required,
            max_length=LONGEST_TEXT,
            widget=forms.Textarea(attrs={"rows": 3}),
            error_messages=REQUIRED,
        )
    return forms.ChoiceField(
        label=label,
        required=question.required,
        choices=[("", _("Choose …")), *_choices(question)],
        error_messages=CHOOSE,
    )


def _choices(question: Question) -> list[tuple[str, str]]:
    if question.kind == QuestionKind.YES_NO:
        return [("yes", _("Yes")), ("no", _("No"))]
    return question.worded_choices


def consent_field(consent: Consent) -> forms.CharField:
    return forms.CharField(
        label=consent.wording(),
        required=consent.required,
        widget=Agree(consent.seal()),
        error_messages={"required": MUST_AGREE},
    )


MUST_AGREE = gettext_lazy("You can’t register without agreeing to this.")
