"""The organisers' pages for money: what came, what went back, and what may be done about it."""

from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import (
    ModelAdmin,
    TabularInline,
    Unchangeable,
    confirm,
    link,
    one_by_one,
)
from inscrit.events.admin import EventAdmin
from inscrit.events.models import Event
from inscrit.money import money
from inscrit.registrations.admin import RegistrationAdmin, actor, reported
from inscrit.registrations.lifecycle import RefundRequested
from inscrit.registrations.models import Registration

from . import cancelling
from .models import CheckoutSession, Payment, Refund

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class SessionInline(Unchangeable, TabularInline[CheckoutSession, Registration]):
    model = CheckoutSession
    fields = readonly_fields = ("attempt", "stripe_id", "status", "created_at", "expires_at")
    extra = 0


class PaymentInline(Unchangeable, TabularInline[Payment, Registration]):
    model = Payment
    fields = readonly_fields = ("key", "status", "amount_in_words", "refunded_in_words", "settles")
    extra = 0
    show_change_link = True

    @admin.display(description=_("amount"))
    def amount_in_words(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @admin.display(description=_("refunded"))
    def refunded_in_words(self, payment: Payment) -> str:
        return money(payment.refunded, payment.currency)


class RefundInline(Unchangeable, TabularInline[Refund, Payment]):
    model = Refund
    fields = readonly_fields = ("amount", "reason", "status", "stripe_id", "error", "created_at")
    extra = 0


@admin.register(Payment)
class PaymentAdmin(Unchangeable, ModelAdmin[Payment]):
    list_display = (
        "key",
        "registration_link",
        "status",
        "amount_in_words",
        "refunded_in_words",
        "settles",
        "created_at",
    )
    list_filter = ("status", "settles", "currency", "created_at")
    list_select_related = ("registration",)
    search_fields = ("key", "registration__id", "registration__contact_email")
    date_hierarchy = "created_at"
    fields = (
        "key",
        "registration_link",
        "status",
        "amount_in_words",
        "ordered_in_words",
        "refunded_in_words",
        "settles",
        "created_at",
        "updated_at",
    )
    inlines = (RefundInline,)

    @admin.display(description=_("registration"), ordering="registration")
    def registration_link(self, payment: Payment) -> "SafeString | str":
        return link(payment.registration)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_in_words(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @admin.display(description=_("refund asked for"))
    def ordered_in_words(self, payment: Payment) -> str:
        return money(payment.refund_ordered, payment.currency)

    @admin.display(description=_("refunded"), ordering="refunded")
    def refunded_in_words(self, payment: Payment) -> str:
        return money(payment.refunded, payment.currency)


@admin.register(Refund)
class RefundAdmin(Unchangeable, ModelAdmin[Refund]):
    list_display = (
        "__str__",
        "payment_link",
        "registration_link",
        "amount_in_words",
        "reason",
        "status",
        "created_at",
    )
    list_filter = ("status", "reason", "created_at")
    list_select_related = ("payment__registration",)
    search_fields = ("stripe_id", "payment__key", "payment__registration__id")
    date_hierarchy = "created_at"
    fields = (
        "stripe_id",
        "payment_link",
        "registration_link",
        "amount_in_words",
        "reason",
        "status",
        "error",
        "created_at",
    )

    @admin.display(description=_("payment"), ordering="payment")
    def payment_link(self, refund: Refund) -> "SafeString | str":
        return link(refund.payment)

    @admin.display(description=_("registration"))
    def registration_link(self, refund: Refund) -> "SafeString | str":
        return link(refund.payment.registration)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_in_words(self, refund: Refund) -> str:
        return money(refund.amount, refund.payment.currency)


@admin.action(description=_("Give the money back"), permissions=["change"])
def refund(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> TemplateResponse | None:
    question = gettext("Give back all that was paid?")
    if asked := confirm(page, request, chosen, question=question, action="refund"):
        return asked
    one_by_one(request, chosen, lambda one: reported(request, one, RefundRequested()))
    return None


@admin.action(description=_("Cancel, and give the money back"), permissions=["change"])
def cancel(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> TemplateResponse | None:
    question = gettext("Cancel these registrations, and give back what was paid?")
    if asked := confirm(page, request, chosen, question=question, action="cancel"):
        return asked
    for registration in chosen:
        async_to_sync(cancelling.cancel)(registration.pk, refund=True, actor=actor(request))
    messages.success(request, gettext("Done: %(n)d") % {"n": len(chosen)})
    return None


@admin.action(
    description=_("Cancel, tell everybody and give the money back"), permissions=["change"]
)
def cancel_event(
    page: ModelAdmin[Event], request: HttpRequest, chosen: QuerySet[Event]
) -> TemplateResponse | None:
    question = gettext("Cancel these events, tell everybody, and give back what was paid?")
    if asked := confirm(page, request, chosen, question=question, action="cancel_event"):
        return asked
    for event in chosen:
        done = async_to_sync(cancelling.cancel_event)(event.pk, actor=actor(request))
        text = ngettext(
            "%(event)s: %(n)d registration was cancelled.",
            "%(event)s: %(n)d registrations were cancelled.",
            done.cancelled,
        )
        messages.success(request, text % {"event": done.event, "n": done.cancelled})
    return None


RegistrationAdmin.inlines += [SessionInline, PaymentInline]
RegistrationAdmin.actions += [refund, cancel]
EventAdmin.actions += [cancel_event]
