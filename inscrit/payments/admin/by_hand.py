"""Noting that money which came by hand, such as a cheque or cash, was given back by hand."""

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.deeds import Prospect
from inscrit.money import money
from inscrit.registrations.deeds import Reported, foresee, prospect
from inscrit.registrations.lifecycle import CONFIRMED, MoneyGivenBack
from inscrit.registrations.models import Registration

from .refunds import RefundForm


class GivenBack(Reported):
    name = "given-back"
    label = _("The money was given back by hand")
    question = _("How much was given back by hand?")
    done = _("It is noted.")

    def is_offered(self, one: Registration) -> bool:
        return one.amount_refunded < one.amount and one.is_paid_by_hand

    def prospect(self, one: Registration, data: QueryDict | None = None) -> Prospect:
        (entry,) = foresee(one, MoneyGivenBack())
        found = prospect(entry)
        if found.refusal:
            return found
        before = entry.before
        told = [
            gettext("%(money)s was paid by hand, and is still yours.")
            % {"money": money(before.left_by_hand, before.currency)},
            gettext("If all of it was given back:") + " " + " ".join(found.consequences),
        ]
        if before.status in CONFIRMED:
            told.append(gettext("If a part was given back, the registration keeps its places."))
        told.append(gettext("No e-mail is sent. Stripe has no part in it."))
        return Prospect(told, form=RefundForm(data, before.left_by_hand, before.currency))

    def fact(self, form: forms.Form | None) -> MoneyGivenBack:
        return MoneyGivenBack(form.cleaned_data["amount"] if form else None)
