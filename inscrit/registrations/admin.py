"""The organisers' pages for registrations. Their status and money move through services only."""
# ruff: noqa: ARG002, FBT001 - Django's signatures

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import TabularInline, confirm, link, list_of, one_by_one
from inscrit.backoffice.attention import WAITING, Waiting
from inscrit.backoffice.filters import AttentionFilter
from inscrit.backoffice.labels import NamedColumns
from inscrit.backoffice.pages import Page, Panel
from inscrit.money import money

from .correcting import FIELDS, ContactForm, Correction
from .deeds import MarkPaid, about, actor, prospects, reported
from .explanations import in_words, who
from .lifecycle import MarkedPaid
from .models import Cancelling, JournalEntry, Participant, Registration, RegistrationStatus
from .moving import Move

if TYPE_CHECKING:
    from django.forms import ModelForm
    from django.utils.safestring import SafeString


# Stripe's own numbers, each found by its index: of sessions, payments, refunds and disputes.
STRIPE_NUMBER = re.compile(r"(cs|pi|re|pyr|dp|du)_[\w-]+", re.ASCII)
STRIPE_NUMBERS = (
    "sessions__stripe_id",
    "payments__key",
    "payments__refunds__stripe_id",
    "payments__disputes__id",
)

# Told with the fields that were corrected.
Corrected: TypeAlias = Callable[[HttpRequest, Registration, Correction], None]


class ParticipantInline(NamedColumns, TabularInline[Participant, Registration]):
    """Names can be put right; the number of places is what was paid for."""

    model = Participant
    fields = ("first_name", "last_name", "option_name", "price_in_words")
    readonly_fields = ("option_name", "price_in_words")
    extra = 0
    max_num = 0
    can_delete = False

    @admin.display(description=_("price"))
    def price_in_words(self, person: Participant) -> str:
        if person.price is None:
            return "–"
        return money(person.price, person.registration.currency)


def answers(request: HttpRequest, registration: Registration) -> "SafeString | str":
    """What was answered, and what was agreed to, word for word."""
    replies = registration.answers.select_related("question", "participant")
    context = {"answers": replies, "agreements": registration.agreements.all()}
    if not any(context.values()):
        return ""
    return render_to_string("admin/registrations/answers.html", context, request)


def being_cancelled(request: HttpRequest, registration: Registration) -> "SafeString | str":
    """While Stripe is asked to close the payment page. It goes by itself."""
    if not registration.cancelling:
        return ""
    context = {"with_money_back": registration.cancelling == Cancelling.REFUND}
    return render_to_string("admin/registrations/cancelling.html", context, request)


def journal(request: HttpRequest, registration: Registration) -> "SafeString":
    """Everything that happened to it, the newest first."""
    entries = registration.journal.order_by("-id")
    context = {"entries": [told(entry) for entry in entries]}
    return render_to_string("admin/registrations/journal.html", context, request)


def told(entry: JournalEntry) -> dict[str, object]:
    """A row of the journal in words."""
    labels = dict(RegistrationStatus.choices)
    return {
        "at": entry.at,
        "what": in_words(entry.reason),
        "from": labels.get(entry.from_status, entry.from_status),
        "to": labels.get(entry.to_status, entry.to_status),
        "moved": entry.from_status != entry.to_status,
        "who": who(entry.actor),
        "stripe_event": entry.stripe_event,
        "registration": entry.registration_id,
    }


class ToBeLookedAt(AttentionFilter):
    condition = Q(review__isnull=False)


@admin.register(Registration)
class RegistrationAdmin(Page[Registration]):
    list_display = (
        "contact_name",
        "status_tag",
        "review_in_words",
        "event",
        "places",
        "amount_in_words",
        "payment_method",
        "registered",
        "id",
    )
    list_display_links = ("contact_name", "id")
    list_filter = (
        "status",
        ToBeLookedAt,
        "payment_method",
        ("event", admin.RelatedOnlyFieldListFilter),
        "created_at",
    )
    list_select_related = ("event",)
    search_fields = (
        "id",
        "contact_name__named",
        "contact_email",
        "participants__first_name__named",
        "participants__last_name__named",
    )
    search_help_text = _("Number, name, e-mail, a participant’s name, or Stripe’s own number.")
    date_hierarchy = "created_at"
    form = ContactForm
    fieldsets = (
        (None, {"fields": ("id", "event_link", "status", "review_in_words", "places")}),
        (_("Contact"), {"fields": ("contact_name", "contact_email", "locale", "send_mail")}),
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
        "review_in_words",
        "places",
        "payment_method",
        "amount_in_words",
        "refunded_in_words",
        "paid_at",
        "created_at",
        "hold_expires_at",
        "updated_at",
    )
    # Its public page opens with the registrant's own token.
    view_on_site = False
    # Rooms that know more of a registration add theirs: its payments, its mails.
    inlines: ClassVar[list[Any]] = [ParticipantInline]
    actions: list[Any] = ["mark_paid"]  # noqa: RUF012 - others add to it
    deeds: ClassVar[list[Any]] = [MarkPaid(), Move()]
    # What rooms do once a name or an address was corrected.
    corrected: ClassVar[list[Corrected]] = []
    above: ClassVar[list[Panel]] = [being_cancelled]
    below: ClassVar[list[Panel]] = [answers]
    last: ClassVar[list[Panel]] = [journal]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Registration], search_term: str
    ) -> tuple[QuerySet[Registration], bool]:
        """By a number of Stripe's if there is such a one: what looks like it may be an address."""
        number = search_term.strip()
        if STRIPE_NUMBER.fullmatch(number):
            found = Q()
            for name in STRIPE_NUMBERS:
                found |= Q(pk__in=Registration.objects.filter(**{name: number}).values("pk"))
            if (those := queryset.filter(found)).exists():
                return those, False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("status"), ordering="status")
    def status_tag(self, registration: Registration) -> "SafeString":
        html = '<span class="tag {}">{}</span>'
        return format_html(html, registration.status.lower(), registration.get_status_display())

    @admin.display(description=_("registered on"), ordering="created_at")
    def registered(self, registration: Registration) -> str:
        return date_format(timezone.localtime(registration.created_at), "SHORT_DATETIME_FORMAT")

    @admin.display(description=_("to be looked at"), ordering="review")
    def review_in_words(self, registration: Registration) -> "SafeString | str":
        return in_words(registration.review or "")

    @admin.display(description=_("amount"), ordering="amount")
    def amount_in_words(self, registration: Registration) -> str:
        return money(registration.amount, registration.currency)

    @admin.display(description=_("refunded"))
    def refunded_in_words(self, registration: Registration) -> str:
        return money(registration.amount_refunded, registration.currency)

    @admin.display(description=_("event"))
    def event_link(self, registration: Registration) -> "SafeString | str":
        return link(registration.event)

    @admin.action(description=_("The money has come: mark paid"), permissions=["change"])
    def mark_paid(
        self, request: HttpRequest, chosen: QuerySet[Registration]
    ) -> TemplateResponse | None:
        if asked := confirm(
            self,
            request,
            chosen,
            question=gettext("Has this money come?"),
            action="mark_paid",
            about=about,
            consequences=lambda those: [one.told for one in prospects(MarkedPaid(), those)],
        ):
            return asked
        one_by_one(request, chosen, lambda one: reported(request, one, MarkedPaid()))
        return None

    def save_model(
        self,
        request: HttpRequest,
        obj: Registration,
        form: "ModelForm[Registration]",
        change: bool,
    ) -> None:
        """Write only what was changed: a webhook may have moved the rest meanwhile."""
        if changed := [name for name in form.changed_data if name in FIELDS]:
            obj.save(update_fields=[*changed, "updated_at"])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        names = any(formset.has_changed() for formset in formsets)
        fields = [*form.changed_data, *(["participants"] if names else [])]
        correction = Correction(tuple(name for name in fields if name in FIELDS), form)
        if correction.fields:
            correction.write_down(form.instance, actor(request))
        for follow in self.corrected:
            follow(request, form.instance, correction)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


WAITING.append(
    Waiting(
        ngettext_lazy(
            "%(n)d registration to be looked at", "%(n)d registrations to be looked at", "n"
        ),
        "registrations.view_registration",
        Registration.objects.filter(ToBeLookedAt.condition).count,
        lambda: list_of(Registration, "?attention=yes"),
    )
)
