"""Giving money back from a registration's page: all of it, or a part."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, confirm, one_by_one
from inscrit.backoffice.amounts import AmountField
from inscrit.backoffice.deeds import Prospect
from inscrit.money import minor, money, typed
from inscrit.payments.models import PaymentState
from inscrit.registrations.deeds import Reported, about, foresee, prospect, prospects, reported
from inscrit.registrations.lifecycle import (
    CONFIRMED,
    HOLDING,
    WITHDRAWN,
    DisputeStatus,
    RefundRequested,
)
from inscrit.registrations.models import Registration


class Amount(AmountField):
    """So much at ``most``; clean, it is in the minor unit."""

    def __init__(self, most: int, currency: str, **more: Any) -> None:
        self.most, self.currency = most, currency
        self.example = typed(most, currency)
        super().__init__(initial=self.example, **more)

    def clean(self, value: object) -> int:
        amount = minor(super().clean(value), self.currency)
        if not amount:
            example = {"example": self.example}
            raise forms.ValidationError(gettext("Write an amount such as %(example)s.") % example)
        if amount > self.most:
            most = {"money": money(self.most, self.currency)}
            raise forms.ValidationError(gettext("At most %(money)s can be given back.") % most)
        return amount


class RefundForm(forms.Form):
    def __init__(self, data: QueryDict | None, most: int, currency: str) -> None:
        super().__init__(data)
        label = gettext("Amount in %(currency)s") % {"currency": currency.upper()}
        self.fields["amount"] = Amount(most, currency, label=label)


class Refund(Reported):
    name = "refund"
    label = _("Give money back")
    question = _("How much goes back?")
    done = _("The refund is ordered.")

    def is_offered(self, one: Registration) -> bool:
        ours = one.payments.filter(status=PaymentState.SUCCEEDED, refund_ordered__lt=F("amount"))
        open_ = ours.filter(Q(settles=True) | Q(resolution=""))
        return open_.exclude(disputes__status__in=WITHDRAWN | {DisputeStatus.LOST}).exists()

    def prospect(self, one: Registration, data: QueryDict | None = None) -> Prospect:
        (entry,) = foresee(one, RefundRequested())
        found = prospect(entry)
        if found.refusal:
            return found
        (order,) = entry.decision.refunds
        payment = entry.before.payment(order.payment)
        currency = payment.currency if payment else one.currency
        told = [
            gettext("Up to %(money)s can be given back.")
            % {"money": money(order.amount, currency)},
            gettext("If all of it goes back:") + " " + " ".join(found.consequences),
        ]
        if entry.before.status in HOLDING | CONFIRMED:
            told.append(gettext("If a part goes back, the registration keeps its places."))
        return Prospect(told, form=RefundForm(data, order.amount, currency))

    def fact(self, form: forms.Form | None) -> RefundRequested:
        return RefundRequested(form.cleaned_data["amount"] if form else None)


@admin.action(description=_("Give the money back"), permissions=["change"])
def refund(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> TemplateResponse | None:
    question = gettext("Give back all that was paid?")
    if asked := confirm(
        page,
        request,
        chosen,
        question=question,
        action="refund",
        about=about,
        consequences=lambda those: [one.told for one in prospects(RefundRequested(), those)],
    ):
        return asked
    one_by_one(request, chosen, lambda one: reported(request, one, RefundRequested()))
    return None
