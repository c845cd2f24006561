"""What the watchdog saw, its hand on the sales of an event, and what waits for a person."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

from inscrit.backoffice import AnyQuery, ModelAdmin, Unchangeable, list_of, one_by_one
from inscrit.backoffice.attention import WAITING, Waiting
from inscrit.events.admin import EventAdmin, SalesStopped
from inscrit.events.models import Event

from . import places
from .health.admin import HealthAdmin
from .models import AuditRun

__all__ = ["AuditRunAdmin", "HealthAdmin", "JobAdmin"]

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(AuditRun)
class AuditRunAdmin(Unchangeable, ModelAdmin[AuditRun]):
    list_display = ("at", "total", "seconds")
    date_hierarchy = "at"
    fields = ("at", "seconds", "total", "told")

    @admin.display(description=_("breaches"))
    def total(self, run: AuditRun) -> int:
        return run.total

    @admin.display(description=_("what is wrong"))
    def told(self, run: AuditRun) -> "SafeString | str":
        rows = ((one["invariant"], one["text"], one["remedy"]) for one in run.breaches)
        return format_html_join("", "<p><strong>{}</strong><br>{}<br>{}</p>", rows) or "–"


admin.site.unregister(ProcrastinateJob)


@admin.register(ProcrastinateJob)
class JobAdmin(AnyQuery, ProcrastinateJobAdmin):
    """Procrastinate's own page."""


@admin.action(description=_("Open sales again"), permissions=["change"])
def open_sales(_page: ModelAdmin[Event], request: HttpRequest, chosen: QuerySet[Event]) -> None:
    one_by_one(request, chosen, _open)


def _open(event: Event) -> str | None:
    try:
        places.open_sales(event.pk)
    except places.CountersDiffer as error:
        return gettext(
            "the counters still differ from the registrations (confirmed %(said)d, counted"
            " %(counted)d; held %(said_held)d, counted %(counted_held)d). Run: inscrit audit"
            " --mend-counters"
        ) % {
            "said": error.said.confirmed,
            "counted": error.counted.confirmed,
            "said_held": error.said.held,
            "counted_held": error.counted.held,
        }
    return None


def breaches() -> int:
    """What was wrong when the watchdog looked last."""
    run = AuditRun.objects.first()
    return run.total if run else 0


EventAdmin.actions += [open_sales]
WAITING.extend(
    (
        Waiting(
            ngettext_lazy(
                "%(n)d event whose sales are stopped", "%(n)d events whose sales are stopped", "n"
            ),
            "events.view_event",
            Event.objects.filter(SalesStopped.condition).count,
            lambda: list_of(Event, "?attention=yes"),
        ),
        Waiting(
            ngettext_lazy(
                "%(n)d breach found by the watchdog", "%(n)d breaches found by the watchdog", "n"
            ),
            "watchdog.view_auditrun",
            breaches,
            lambda: list_of(AuditRun),
        ),
    )
)
