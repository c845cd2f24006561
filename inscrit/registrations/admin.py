"""The organisers' pages for registrations. Their status and money move through services only."""
# ruff: noqa: ARG002, FBT001 - Django's signatures

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, TabularInline, Unchangeable, link, one_by_one
from inscrit.money import money

from . import services
from .ledger import Report
from .lifecycle import Fact, MarkedPaid, Outcome
from .models import JournalEntry, Participant, Registration

if TYPE_CHECKING:
    from django.forms import ModelForm
    from django.utils.safestring import SafeString


class ParticipantInline(TabularInline[Participant, Registration]):
    """Names can be put right; the number of places is what was paid for."""

    model = Participant
    fields = ("first_name", "last_name")
    extra = 0
    max_num = 0
    can_delete = False


class JournalInline(Unchangeable, TabularInline[JournalEntry, Registration]):
    model = JournalEntry
    fields = readonly_fields = ("at", "from_status", "to_status", "reason", "actor", "stripe_event")
    extra = 0


class AttentionFilter(admin.SimpleListFilter):
    title = _("to be looked at")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Registration]
    ) -> QuerySet[Registration]:
        return queryset.filter(review__isnull=False) if self.value() == "yes" else queryset


@admin.register(Registration)
class RegistrationAdmin(ModelAdmin[Registration]):
    list_display = (
        "id",
        "contact_name",
        "event",
        "status",
        "places",
        "amount_in_words",
        "payment_method",
        "review",
        "created_at",
    )
    list_filter = (
        "status",
        AttentionFilter,
        "payment_method",
        ("event", admin.RelatedOnlyFieldListFilter),
        "created_at",
    )
    list_select_related = ("event",)
    search_fields = (
        "id",
        "contact_name",
        "contact_email",
        "participants__last_name",
        "sessions__stripe_id__exact",
        "payments__key__exact",
    )
    search_help_text = _("Number, name, e-mail, a participant’s name, or Stripe’s own number.")
    date_hierarchy = "created_at"
    fieldsets = (
        (None, {"fields": ("id", "event_link", "status", "review", "places")}),
        (_("Contact"), {"fields": ("contact_name", "contact_email", "locale")}),
        (
            _("Money"),
            {"fields": ("payment_method", "amount_in_words", "refunded_in_words", "paid_at")},
        ),
        (_("When"), {"fields": ("created_at", "hold_expires_at", "updated_at")}),
    )
    readonly_fields = (
        "id",
        "event_link",
        "status",
        "review",
        "places",
        "payment_method",
        "amount_in_words",
        "refunded_in_words",
        "paid_at",
        "created_at",
        "hold_expires_at",
        "updated_at",
    )
    # Rooms that know more of a registration add theirs: its payments, its mails.
    inlines: ClassVar[list[Any]] = [ParticipantInline, JournalInline]
    actions: list[Any] = ["mark_paid"]  # noqa: RUF012 - others add to it

    @admin.display(description=_("amount"), ordering="amount")
    def amount_in_words(self, registration: Registration) -> str:
        return money(registration.amount, registration.currency)

    @admin.display(description=_("refunded"))
    def refunded_in_words(self, registration: Registration) -> str:
        return money(registration.amount_refunded, registration.currency)

    @admin.display(description=_("event"))
    def event_link(self, registration: Registration) -> "SafeString | str":
        return link(registration.event)

    @admin.action(description=_("The cheque has come: mark paid"), permissions=["change"])
    def mark_paid(self, request: HttpRequest, chosen: QuerySet[Registration]) -> None:
        one_by_one(request, chosen, lambda one: reported(request, one, MarkedPaid()))

    def save_model(
        self,
        request: HttpRequest,
        obj: Registration,
        form: "ModelForm[Registration]",
        change: bool,
    ) -> None:
        """Write only what was changed: a webhook may have moved the rest meanwhile."""
        if form.changed_data:
            obj.save(update_fields=[*form.changed_data, "updated_at"])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def actor(request: HttpRequest) -> str:
    """How the journal names the person at the desk."""
    return f"admin:{request.user.get_username()}"[:80]


def reported(request: HttpRequest, registration: Registration, fact: Fact) -> str | None:
    """Report a fact; why it could not be applied, or None."""
    (entry,) = services.report(Report(fact, actor(request), registration.pk))
    if entry is None or entry.decision.outcome is not Outcome.REJECTED:
        return None
    return gettext("not possible (%(why)s)") % {"why": entry.decision.reason}
