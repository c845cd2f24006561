"""The organisers' page for Stripe's events."""

import json
from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, Unchangeable, link
from inscrit.registrations.models import Registration

from . import services
from .models import StripeEvent

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(StripeEvent)
class StripeEventAdmin(Unchangeable, ModelAdmin[StripeEvent]):
    list_display = (
        "received_at",
        "type",
        "outcome",
        "reason",
        "registration_link",
        "object_id",
        "deliveries",
        "livemode",
    )
    list_filter = ("outcome", "type", "livemode", "received_at")
    search_fields = ("id__exact", "registration_id__exact", "object_id__exact")
    search_help_text = _("The whole number of the event, of its object or of the registration.")
    date_hierarchy = "received_at"
    show_full_result_count = False
    fields = (
        "id",
        "type",
        "outcome",
        "reason",
        "registration_link",
        "object_id",
        "created",
        "received_at",
        "livemode",
        "api_version",
        "secret",
        "deliveries",
        "attempts",
        "duration_us",
        "body",
    )
    actions = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StripeEvent]:
        return super().get_queryset(request).defer("payload")

    @admin.display(description=_("registration"), ordering="registration_id")
    def registration_link(self, event: StripeEvent) -> "SafeString | str":
        if not event.registration_id.startswith("reg-"):
            return event.registration_id or "–"
        return link(Registration(pk=event.registration_id))

    @admin.display(description=_("body"))
    def body(self, event: StripeEvent) -> "SafeString | str":
        try:
            text = json.dumps(json.loads(event.payload_to_show), indent=2, ensure_ascii=False)
        except ValueError:
            text = event.payload_to_show
        return format_html('<pre style="white-space: pre-wrap">{}</pre>', text)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("webhooks.change_stripeevent")

    @admin.action(description=_("Apply again"), permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[StripeEvent]) -> None:
        for event in chosen:
            result = services.replay(event.pk)
            messages.info(request, f"{event.pk}: {result.outcome} ({result.reason})")
