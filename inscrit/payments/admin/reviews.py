"""What a person decides about a flagged registration: accept, give the money back, or neither."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, confirm, one_by_one
from inscrit.backoffice.deeds import Prospect
from inscrit.money import money
from inscrit.registrations import lifecycle
from inscrit.registrations.deeds import Reported, about, foresee, prospect, prospects, reported
from inscrit.registrations.explanations import explain
from inscrit.registrations.ledger import Entry
from inscrit.registrations.lifecycle import Payment, RefundStatus, Resolution, ReviewResolved
from inscrit.registrations.models import Registration

from .glance import shown

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class Resolve(Reported):
    """One way to decide. Its button stands in the panel, beside what it will do."""

    resolution: Resolution

    def is_offered(self, _one: Registration) -> bool:
        return False

    def fact(self, _form: forms.Form | None = None) -> ReviewResolved:
        return ReviewResolved(self.resolution)


class Accept(Resolve):
    name = "accept"
    label = _("Accept")
    question = _("Accept it?")
    done = _("Accepted.")
    resolution = Resolution.ACCEPT


class GiveBack(Resolve):
    name = "give-back"
    label = _("Give the money back")
    question = _("Give the money back?")
    done = _("The refund is ordered.")
    resolution = Resolution.REFUND
    severe = True


class Leave(Resolve):
    name = "leave"
    label = _("Leave it as it is")
    question = _("Leave it as it is?")
    done = _("Left as it is.")
    resolution = Resolution.IGNORE


WAYS: tuple[Resolve, ...] = (Accept(), GiveBack(), Leave())


def panel(request: HttpRequest, registration: Registration) -> "SafeString | str":
    """Why a person has to look, what money it is about, and what each decision will do."""
    if not registration.review:
        return ""
    entries = foresee(registration, *(way.fact() for way in WAYS))
    concerned = {payment.key for payment in _concerned(entries[0].before)}
    payments = registration.payments.filter(pk__in=concerned).order_by("created_at")
    context = {
        "registration": registration,
        "why": explain(registration.review),
        "agreed": money(registration.amount, registration.currency),
        "payments": [shown(one) for one in payments.prefetch_related("refunds", "disputes")],
        "may_act": request.user.has_perm("registrations.change_registration"),
        "ways": [
            {"way": way, "address": way.address(registration), "prospect": found}
            for way, found in zip(WAYS, _prospects(entries), strict=True)
        ],
    }
    return render_to_string("admin/payments/review.html", context, request)


def _prospects(entries: Sequence[Entry]) -> list[Prospect]:
    """Of each way to decide. Accepting is none where it does the same as leaving."""
    accepting, refunding, leaving = map(prospect, entries)
    if not accepting.refusal and accepting.consequences == leaving.consequences:
        refusal = gettext("There is nothing to accept: the registration is confirmed.")
        accepting = Prospect(refusal=refusal)
    return [accepting, refunding, leaving]


def _concerned(registration: lifecycle.Registration) -> Sequence[Payment]:
    """The money a decision is about: without a place, disputed, or not returned as it should."""
    troubled = [
        payment
        for payment in registration.payments
        if payment in registration.kept_payments
        or payment.disputes
        or any(refund.status is RefundStatus.FAILED for refund in payment.refunds)
    ]
    return troubled or [payment for payment in registration.payments if payment.settles]


@admin.action(description=_("To be looked at: accept"), permissions=["change"])
def accept(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> TemplateResponse | None:
    return _resolve(WAYS[0], page, request, chosen)


@admin.action(description=_("To be looked at: give the money back"), permissions=["change"])
def give_back(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> TemplateResponse | None:
    return _resolve(WAYS[1], page, request, chosen)


@admin.action(description=_("To be looked at: leave as it is"), permissions=["change"])
def leave(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> TemplateResponse | None:
    return _resolve(WAYS[2], page, request, chosen)


def _resolve(
    way: Resolve,
    page: ModelAdmin[Registration],
    request: HttpRequest,
    chosen: QuerySet[Registration],
) -> TemplateResponse | None:
    def told(registrations: QuerySet[Registration]) -> list[Sequence[str]]:
        found = prospects(way.fact(), registrations)
        return [one.told for one in found]

    action = way.name.replace("-", "_")
    question = str(way.question)
    asked = confirm(
        page,
        request,
        chosen,
        question=question,
        action=action,
        about=about,
        consequences=told,
    )
    if asked is None:
        one_by_one(request, chosen, lambda one: reported(request, one, way.fact()))
    return asked
