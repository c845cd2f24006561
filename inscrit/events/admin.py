"""The organisers' pages for events."""
# ruff: noqa: FBT001 - Django's signatures

from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.amounts import AmountField, check_that_a_card_can_pay, in_minor_units
from inscrit.backoffice.filters import AttentionFilter
from inscrit.backoffice.labels import name_parts
from inscrit.backoffice.pages import Page, Panel
from inscrit.money import CHARGED, typed

from .deeds import CloseSales, Duplicate, OpenSales, Publish, Unpublish
from .inlines import ConsentInline, OptionInline, QuestionInline
from .models import Event, EventStatus, PaymentMethod, usual_methods
from .moments import PICKER, Moment, in_zone, zone_named
from .photo_admin import PhotoInline, read_ahead
from .state import state_of

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    ModelForm = forms.ModelForm[Event]
else:
    ModelForm = forms.ModelForm

admin.site.site_header = admin.site.site_title = "Inscrit"
admin.site.index_title = _("Organisers")


DATES = ("starts_at", "ends_at", "sales_end_at", "refund_until")
NOT_AFTER_THE_END = {
    "sales_end_at": _("Registration can’t close after the event has ended."),
    "refund_until": _("Money can’t be promised back after the event has ended."),
}


class EventForm(ModelForm):
    time_zone = forms.ChoiceField(
        label=_("time zone"),
        choices=[(name, name) for name in sorted(available_timezones())],
        initial=timezone.get_default_timezone_name,
        help_text=_("Of the place where the event is. All dates on this page are in it."),
    )
    price = AmountField(
        label=capfirst(_("price per person")),
        help_text=_("Such as 12.50. Write 0 if it is free of charge."),
    )
    payment_methods = forms.MultipleChoiceField(
        label=capfirst(_("ways to pay")),
        choices=PaymentMethod.choices,
        initial=usual_methods,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one way to pay.")},
    )

    class Meta:
        model = Event
        fields = "__all__"
        widgets: ClassVar[Any] = {
            "currency": forms.TextInput(attrs={"size": 4, "maxlength": 3, "autocomplete": "off"})
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_parts(self.fields)
        self._speak_in_its_zone()
        if self.instance.pk and "price" not in self.data and self.instance.price is not None:
            self.initial["price"] = typed(self.instance.price, self.instance.currency)
        status = self.fields.get("status")
        if isinstance(status, forms.ChoiceField):
            # Cancelling is more than a word: an action does it, refunds and tells everybody.
            status.choices = [one for one in EventStatus.choices if one[0] != "cancelled"]

    def _speak_in_its_zone(self) -> None:
        """A zone that was chosen just now counts for the dates beside it."""
        name = self.data.get("time_zone") or self.initial.get("time_zone")
        zone = zone_named(name) or timezone.get_default_timezone()
        for name in DATES:
            field = self.fields.get(name)
            if isinstance(field, Moment):
                field.zone = ZoneInfo(str(zone))

    def clean(self) -> dict[str, Any]:
        """The price is read in its currency, whichever field came first."""
        said = super().clean() or self.cleaned_data
        if "price" in said:
            try:
                said["price"] = in_minor_units(said["price"], said.get("currency", "eur"))
                if PaymentMethod.STRIPE in said.get("payment_methods", ()):
                    check_that_a_card_can_pay(said["price"], said.get("currency", "eur"))
            except forms.ValidationError as error:
                self.add_error("price", error)
        ends = said.get("ends_at")
        for name, complaint in NOT_AFTER_THE_END.items():
            if ends and (moment := said.get(name)) and moment > ends:
                self.add_error(name, complaint)
        return said

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).lower()
        if currency not in CHARGED:
            raise forms.ValidationError(_("There is no such currency, or no card pays in it."))
        if currency != self.instance.currency and self._is_asked_for():
            raise forms.ValidationError(
                _(
                    "Somebody has registered already, or waits for a place: the currency is not"
                    " changed any more. Open another event for another currency."
                )
            )
        return currency

    def _is_asked_for(self) -> bool:
        """Nobody can register between this look and the saving."""
        known = Event.objects.select_for_update(no_key=True).filter(pk=self.instance.pk)
        return any(event.is_asked_for for event in known)

    def clean_capacity(self) -> int | None:
        """The counters are no fields of this form, so the model's own check is left out."""
        capacity: int | None = self.cleaned_data["capacity"]
        if capacity is not None and capacity < self.instance.confirmed + self.instance.held:
            raise forms.ValidationError(
                _(
                    "There are already more registrations than that: "
                    "the places can't be fewer than those confirmed and held."
                )
            )
        return capacity


class SalesStopped(AttentionFilter):
    title = _("sales stopped by the watchdog")
    condition = models.Q(sales_stopped_at__isnull=False)


@admin.register(Event)
class EventAdmin(Page[Event]):
    form = EventForm
    inlines: ClassVar[list[Any]] = [PhotoInline, OptionInline, QuestionInline, ConsentInline]
    formfield_overrides: ClassVar[Any] = {
        models.DateTimeField: {"form_class": Moment, "widget": PICKER}
    }
    list_display = ("title", "when", "state", "places", "price_in_words")
    list_filter = ("status", "starts_at", SalesStopped)
    search_fields = ("id", "title", "location")
    date_hierarchy = "starts_at"
    ordering = ("-starts_at", "id")
    readonly_fields = (
        "id",
        "confirmed",
        "held",
        "waiting",
        "free",
        "sales",
        "why_stopped",
        "created_at",
    )
    fieldsets = (
        (
            None,
            {
                "fields": ("title", "description", "location", "slug"),
                "description": _("What families read on the public page."),
            },
        ),
        (_("When"), {"fields": ("time_zone", "starts_at", "ends_at")}),
        (
            _("Places"),
            {"fields": ("capacity", "sales", "why_stopped")},
        ),
        (_("Waiting list"), {"fields": ("waiting", "offer_hours")}),
        (_("Price"), {"fields": ("price", "currency")}),
        (_("Ways to pay"), {"fields": ("payment_methods", "payment_days", "how_to_pay")}),
        (
            _("Registration"),
            {
                "fields": ("status", "sales_end_at"),
                "description": _(
                    "Nobody but you sees a draft. Once it is published, families can register until"
                    " it begins, or until the moment you write here."
                ),
            },
        ),
        (
            _("If somebody cancels, or pays late"),
            {
                "fields": ("refund_until", "late_payment", "lost_dispute"),
                "classes": ("collapse",),
                "description": _("What is written here already suits most schools."),
            },
        ),
        (_("About"), {"fields": ("id", "created_at")}),
    )
    # What needs money to move is added by the room that moves it.
    actions: list[Any] = []  # noqa: RUF012 - others add to it
    deeds: ClassVar[list[Any]] = [
        Publish(),
        Unpublish(),
        CloseSales(),
        OpenSales(),
        Duplicate(),
    ]
    above: ClassVar[list[Panel]] = []

    def view_on_site(self, event: Event) -> str | None:
        """Straight to its page: Django's own way there is closed, see urls.py."""
        return None if event.status == EventStatus.DRAFT else event.get_absolute_url()

    @admin.display(description=_("when"), ordering="starts_at")
    def when(self, event: Event) -> "SafeString":
        """In its own time zone, which is named where it is not ours."""
        return in_zone(event.starts_at, event.time_zone)

    @admin.display(description=_("status"), ordering="status")
    def state(self, event: Event) -> "SafeString":
        now = state_of(event, timezone.now())
        return format_html('<span class="tag {}">{}</span>', now.value, now.label)

    @admin.display(description=_("places"))
    def places(self, event: Event) -> "SafeString":
        return render_to_string("admin/events/places.html", {"event": event, "is_small": True})

    @admin.display(description=_("free"))
    def free(self, event: Event) -> int | str:
        return "∞" if event.free is None else event.free

    @admin.display(description=_("sales"), ordering="sales_stopped_at")
    def sales(self, event: Event) -> "SafeString | str":
        """In red while the watchdog has stopped them."""
        if event.sales_stopped_at is None:
            return "–"
        return format_html('<strong class="alarm">{}</strong>', _("stopped"))

    @admin.display(description=_("why sales are stopped"))
    def why_stopped(self, event: Event) -> str:
        return event.sales_stopped_reason or "–"

    @admin.display(description=_("price"), ordering="price")
    def price_in_words(self, event: Event) -> str:
        return event.price_in_words

    def changeform_view(self, request: HttpRequest, *args: Any, **named: Any) -> Any:
        if request.method == "POST" and self.has_change_permission(request):
            read_ahead(request.FILES.values())
        return super().changeform_view(request, *args, **named)

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Event]":
        return super().get_queryset(request).prefetch_related("options")

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> list[str]:
        fixed = [str(name) for name in super().get_readonly_fields(request, obj)]
        return [*fixed, "status"] if obj and obj.status == EventStatus.CANCELLED else fixed

    def save_model(
        self, request: HttpRequest, obj: Event, form: "forms.ModelForm[Event]", change: bool
    ) -> None:
        """Write only what was changed: the counters are not ours to write."""
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        if obj is not None and obj.registrations.exists():
            return False
        return super().has_delete_permission(request, obj)
