"""The organisers' pages for money: what came, what went back, and what may be done about it."""
# ruff: noqa: ARG002 - Django's signatures

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from inscrit.backoffice import TabularInline, Unchangeable, link, list_of
from inscrit.backoffice.attention import WAITING, Waiting
from inscrit.backoffice.filters import AttentionFilter
from inscrit.backoffice.pages import Page
from inscrit.events.admin import EventAdmin
from inscrit.money import money
from inscrit.payments import dashboard
from inscrit.payments.models import (
    TO_BE_ANSWERED,
    Dispute,
    Payment,
    Refund,
    RefundStatus,
)
from inscrit.registrations.admin import RegistrationAdmin
from inscrit.registrations.explanations import in_words

from . import by_hand, cancellations, glance, refunds, reviews

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class RefundInline(Unchangeable, TabularInline[Refund, Payment]):
    model = Refund
    fields = readonly_fields = (
        "amount_in_words",
        "status",
        "by_whom",
        "stripe_id",
        "error",
        "created_at",
    )
    extra = 0
    show_change_link = True

    @admin.display(description=_("amount"))
    def amount_in_words(self, refund: Refund) -> str:
        return money(refund.amount, refund.payment.currency)

    @admin.display(description=_("by whom"))
    def by_whom(self, refund: Refund) -> str:
        return glance.by_whom(refund)


class DisputeInline(Unchangeable, TabularInline[Dispute, Payment]):
    model = Dispute
    fields = readonly_fields = ("amount_in_words", "status", "created_at", "updated_at")
    extra = 0
    show_change_link = True

    @admin.display(description=_("amount"))
    def amount_in_words(self, dispute: Dispute) -> str:
        return money(dispute.amount, dispute.payment.currency)


class OfAPayment(Unchangeable):
    """Columns of whatever belongs to a payment."""

    @admin.display(description=_("payment"), ordering="payment")
    def payment_link(self, one: Refund | Dispute) -> "SafeString | str":
        return link(one.payment)

    @admin.display(description=_("registration"), ordering="payment__registration")
    def registration_link(self, one: Refund | Dispute) -> "SafeString | str":
        return link(one.payment.registration)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_in_words(self, one: Refund | Dispute) -> str:
        return money(one.amount, one.payment.currency)

    @admin.display(description=_("at Stripe"))
    def at_stripe(self, one: Refund | Dispute) -> "SafeString":
        return _way_to_stripe(one.payment)


def _way_to_stripe(payment: Payment) -> "SafeString":
    address = dashboard.address(payment)
    return format_html('<a href="{}" rel="noreferrer">{}</a>', address, address)


@admin.register(Payment)
class PaymentAdmin(Unchangeable, Page[Payment]):
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
        "resolution",
        "created_at",
        "updated_at",
        "at_stripe",
    )
    inlines = (RefundInline, DisputeInline)

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

    @admin.display(description=_("at Stripe"))
    def at_stripe(self, payment: Payment) -> "SafeString":
        return _way_to_stripe(payment)


class ToBeMended(AttentionFilter):
    """Refunds that failed, until a person has decided about the registration."""

    condition = Q(status=RefundStatus.FAILED, payment__registration__review__isnull=False)


class ByWhomFilter(admin.SimpleListFilter):
    title = _("by whom")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("us", _("by Inscrit")), ("outside", _("in Stripe’s Dashboard"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        if self.value() == "us":
            return queryset.exclude(reason=Refund.OUTSIDE)
        return queryset.filter(reason=Refund.OUTSIDE) if self.value() else queryset


@admin.register(Refund)
class RefundAdmin(OfAPayment, Page[Refund]):
    list_display = (
        "__str__",
        "payment_link",
        "registration_link",
        "amount_in_words",
        "by_whom",
        "status",
        "created_at",
    )
    list_filter = ("status", ToBeMended, ByWhomFilter, "created_at")
    list_select_related = ("payment__registration",)
    search_fields = ("stripe_id", "payment__key", "payment__registration__id")
    date_hierarchy = "created_at"
    fields = (
        "stripe_id",
        "payment_link",
        "registration_link",
        "amount_in_words",
        "by_whom",
        "why",
        "status",
        "error",
        "created_at",
        "at_stripe",
    )

    @admin.display(description=_("by whom"), ordering="reason")
    def by_whom(self, refund: Refund) -> str:
        return glance.by_whom(refund)

    @admin.display(description=_("why"))
    def why(self, refund: Refund) -> "SafeString | str":
        return "–" if refund.reason == Refund.OUTSIDE else in_words(refund.reason)


class ToBeAnswered(AttentionFilter):
    title = _("to be answered")
    condition = Q(status__in=TO_BE_ANSWERED)


@admin.register(Dispute)
class DisputeAdmin(OfAPayment, Page[Dispute]):
    list_display = (
        "id",
        "payment_link",
        "registration_link",
        "amount_in_words",
        "status",
        "created_at",
        "updated_at",
    )
    list_filter = (ToBeAnswered, "status", "created_at")
    list_select_related = ("payment__registration",)
    search_fields = ("id", "payment__key", "payment__registration__id")
    date_hierarchy = "created_at"
    fields = (
        "id",
        "payment_link",
        "registration_link",
        "amount_in_words",
        "status",
        "created_at",
        "updated_at",
        "at_stripe",
    )


RegistrationAdmin.actions += [
    reviews.accept,
    reviews.give_back,
    reviews.leave,
    refunds.refund,
    cancellations.cancel,
]
RegistrationAdmin.deeds += [
    *reviews.WAYS,
    refunds.Refund(),
    by_hand.GivenBack(),
    cancellations.Cancel(),
]
RegistrationAdmin.above += [reviews.panel]
RegistrationAdmin.below += [glance.glance]
EventAdmin.actions += [cancellations.cancel_event]
EventAdmin.deeds += [cancellations.CancelEvent()]
EventAdmin.above += [cancellations.progress]

WAITING.extend(
    (
        Waiting(
            ngettext_lazy(
                "%(n)d dispute to be answered in Stripe’s Dashboard",
                "%(n)d disputes to be answered in Stripe’s Dashboard",
                "n",
            ),
            "payments.view_dispute",
            Dispute.objects.filter(ToBeAnswered.condition).count,
            lambda: list_of(Dispute, "?attention=yes"),
        ),
        Waiting(
            ngettext_lazy("%(n)d refund that failed", "%(n)d refunds that failed", "n"),
            "payments.view_refund",
            Refund.objects.filter(ToBeMended.condition).count,
            lambda: list_of(Refund, "?attention=yes"),
        ),
    )
)
