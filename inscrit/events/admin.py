"""The organisers' pages for events."""
# ruff: noqa: FBT001 - Django's signatures

from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.amounts import AmountField, in_minor_units, in_units
from inscrit.backoffice.pages import Page, Panel
from inscrit.money import money

from .inlines import ConsentInline, OptionInline, QuestionInline
from .models import Event, EventStatus, PaymentMethod, usual_methods

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    ModelForm = forms.ModelForm[Event]
else:
    ModelForm = forms.ModelForm

admin.site.site_header = admin.site.site_title = "Inscrit"
admin.site.index_title = _("Organisers")


class EventForm(ModelForm):
    time_zone = forms.ChoiceField(
        label=_("time zone"),
        choices=[(name, name) for name in sorted(available_timezones())],
        initial="Europe/Paris",
    )
    price = AmountField(
        label=capfirst(_("price per person")),
        help_text=_("In units of the currency, such as 12.50."),
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        status = self.fields.get("status")
        if isinstance(status, forms.ChoiceField):
            # Cancelling is more than a word: an action does it, refunds and tells everybody.
            status.choices = [one for one in EventStatus.choices if one[0] != "cancelled"]
        if not self.instance._state.adding:
            self.initial["price"] = in_units(self.instance.price, self.instance.currency)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        try:
            # Without a currency its own error is told, and nothing is saved.
            currency = said.get("currency", self.instance.currency)
            said["price"] = in_minor_units(said.get("price", "0"), currency)
        except forms.ValidationError as error:
            self.add_error("price", error)
        return said

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


@admin.register(Event)
class EventAdmin(Page[Event]):
    form = EventForm
    list_display = (
        "title",
        "starts_at",
        "status",
        "sales",
        "price_in_words",
        "capacity",
        "confirmed",
        "held",
        "free",
    )
    list_filter = ("status", "starts_at", ("sales_stopped_at", admin.EmptyFieldListFilter))
    search_fields = ("id", "title", "location")
    date_hierarchy = "starts_at"
    readonly_fields = ("id", "confirmed", "held", "free", "sales", "why_stopped", "created_at")
    fieldsets = (
        (None, {"fields": ("title", "description", "location", "slug")}),
        (_("When"), {"fields": ("starts_at", "ends_at", "time_zone")}),
        (
            _("Places"),
            {"fields": ("capacity", "confirmed", "held", "free", "sales", "why_stopped")},
        ),
        (_("Price"), {"fields": ("price", "currency")}),
        (_("Ways to pay"), {"fields": ("payment_methods", "payment_days", "how_to_pay")}),
        (
            _("Registration"),
            {"fields": ("status", "sales_end_at", "refund_until", "late_payment", "lost_dispute")},
        ),
        (_("About"), {"fields": ("id", "created_at")}),
    )
    inlines = (OptionInline, QuestionInline, ConsentInline)
    # What needs money to move is added by the room that moves it.
    actions: list[Any] = []  # noqa: RUF012 - others add to it
    deeds: ClassVar[list[Any]] = []
    above: ClassVar[list[Panel]] = []

    def view_on_site(self, event: Event) -> str:
        """Straight to its page: Django's own way there is closed, see urls.py."""
        return event.get_absolute_url()

    @admin.display(description=_("free"))
    def free(self, event: Event) -> int | str:
        return "∞" if event.remaining is None else event.remaining

    @admin.display(description=_("sales"), ordering="sales_stopped_at")
    def sales(self, event: Event) -> "SafeString | str":
        """In red while the watchdog has stopped them."""
        if event.sales_stopped_at is None:
            return "–"
        red = '<strong style="color: var(--error-fg, #ba2121)">{}</strong>'
        return format_html(red, _("stopped"))

    @admin.display(description=_("why sales are stopped"))
    def why_stopped(self, event: Event) -> str:
        return event.sales_stopped_reason or "–"

    @admin.display(description=_("price"), ordering="price")
    def price_in_words(self, event: Event) -> str:
        return money(event.price, event.currency)

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> list[str]:
        fixed = [str(name) for name in super().get_readonly_fields(request, obj)]
        return [*fixed, "status"] if obj and obj.status == EventStatus.CANCELLED else fixed

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Event | None:
        event = super().get_object(request, object_id, from_field)
        if event is not None and request.method == "POST":
            # Held until the form is saved, so that the counters it was checked against stand still.
            event.refresh_from_db(from_queryset=Event.objects.select_for_update(no_key=True))
        return event

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
