"""On an event's page: its price options, questions and consents.

What somebody has already is retired by its box, never deleted.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import StackedInline, TabularInline
from inscrit.backoffice.amounts import AmountField, check_that_a_card_can_pay, in_minor_units
from inscrit.money import typed

from .models import Consent, Event, PaymentMethod, PriceOption, Question
from .options import BELOW_TAKEN

if TYPE_CHECKING:
    OptionModelForm = forms.ModelForm[PriceOption]
    QuestionModelForm = forms.ModelForm[Question]
    Formset = forms.BaseInlineFormSet[Any, Event, Any]
else:
    OptionModelForm = QuestionModelForm = forms.ModelForm
    Formset = forms.BaseInlineFormSet


SMALL: Any = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 4, "cols": 40})}}


class OptionForm(OptionModelForm):
    price = AmountField(label=_("price"))

    class Meta:
        model = PriceOption
        fields = ("name", "other_name", "price", "quota", "position", "active")
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "name": forms.TextInput(attrs={"size": 18}),
            "other_name": forms.TextInput(attrs={"size": 18}),
        }

    def __init__(self, *args: Any, currency: str, by_card: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency, self.by_card = currency, by_card
        if not self.instance._state.adding:
            self.initial["price"] = typed(self.instance.price, currency)

    def clean_price(self) -> int:
        price = in_minor_units(self.cleaned_data["price"], self.currency)
        if self.by_card:
            check_that_a_card_can_pay(price, self.currency)
        return price

    def clean_quota(self) -> int | None:
        """``taken`` is no field of this form, so the model's own check is left out."""
        quota: int | None = self.cleaned_data["quota"]
        if quota is not None and quota < self.instance.taken:
            raise forms.ValidationError(BELOW_TAKEN)
        return quota


class QuestionForm(QuestionModelForm):
    class Meta:
        model = Question
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        for name in ("kind", "scope"):
            if name in self.changed_data and is_used(self.instance):
                text = gettext("It has been answered. Retire it, and ask another one.")
                self.add_error(name, text)
        return said


def is_used(item: PriceOption | Question | Consent) -> bool:
    """Whether a registration has it."""
    match item:
        case PriceOption():
            return item.waiting > 0 or item.participants.exists()
        case Question():
            return item.answers.exists()
    return item.agreements.exists()


class UsedStays(Formset):
    """The box to delete does nothing for what somebody has."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields and not form.instance._state.adding and is_used(form.instance):
            form.fields["DELETE"].disabled = True
            why = gettext("A registration has it: it can be retired, not deleted.")
            form.fields["DELETE"].widget.attrs["title"] = why


class Priced(UsedStays):
    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        event = self.instance
        return {
            **super().get_form_kwargs(index),
            "currency": event.currency or "eur",
            "by_card": PaymentMethod.STRIPE in event.payment_methods,
        }


class OfEvent:
    """Whoever may change an event may change what it offers and asks."""

    extra = 0
    formset: Any = UsedStays

    def has_view_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return self._may(request, "view", "change", "add")

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return self._may(request, "change", "add")

    def has_change_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return self._may(request, "change", "add")

    def has_delete_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return self._may(request, "change")

    @staticmethod
    def _may(request: HttpRequest, *ways: str) -> bool:
        return any(request.user.has_perm(f"events.{way}_event") for way in ways)


class OptionInline(OfEvent, TabularInline[PriceOption, Event]):
    model = PriceOption
    form = OptionForm
    formset = Priced
    fields = ("name", "other_name", "price", "quota", "taken", "position", "active")
    readonly_fields = ("taken",)
    verbose_name_plural = _("Price options: without any, the price above holds for everybody")


class QuestionInline(OfEvent, StackedInline[Question, Event]):
    model = Question
    form = QuestionForm
    fieldsets = (
        (None, {"fields": (("text", "other_text"), ("kind", "scope"))}),
        (None, {"fields": (("choices", "other_choices"), ("required", "position", "active"))}),
    )
    formfield_overrides = SMALL


class ConsentInline(OfEvent, StackedInline[Consent, Event]):
    model = Consent
    fieldsets = ((None, {"fields": (("text", "other_text"), ("required", "position", "active"))}),)
    formfield_overrides = SMALL
