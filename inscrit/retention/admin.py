"""The organisers' page of what was forgotten."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, Unchangeable

from .models import Purge

KINDS = {
    "stripe_events": _("bodies of Stripe events"),
    "alerts": _("texts of alerts"),
    "letters": _("sendings"),
    "idempotency_keys": _("idempotency keys"),
    "jobs": _("failed jobs"),
    "sessions": _("sessions"),
}


@admin.register(Purge)
class PurgeAdmin(Unchangeable, ModelAdmin[Purge]):
    list_display = ("at", "told")
    fields = ("at", "events_until", "told")

    @admin.display(description=_("forgotten"))
    def told(self, purge: Purge) -> str:
        known = ((number, KINDS.get(kind, kind)) for kind, number in purge.counts.items())
        return ", ".join(f"{number} {kind}" for number, kind in known if number) or "–"
