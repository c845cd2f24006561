"""The organisers' page of what was compared with Stripe, and what it found."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, Unchangeable, link
from inscrit.registrations.models import Registration

from .findings import Finding, Kind, Result
from .models import ReconciliationRun

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise as StrOrPromise
    from django.utils.safestring import SafeString


OPEN = Q(findings__contains=[{"result": Result.OPEN}])
FLAGGED = Q(findings__contains=[{"result": Result.FLAGGED}])


class WithFindings(admin.SimpleListFilter):
    """Most comparisons find nothing."""

    title = _("differences")
    parameter_name = "found"

    def lookups(
        self, _request: HttpRequest, _page: ModelAdmin[Any]
    ) -> list[tuple[str, "StrOrPromise"]]:
        return [("any", _("With differences")), ("person", _("With some for a person"))]

    def queryset(
        self, _request: HttpRequest, runs: QuerySet[ReconciliationRun]
    ) -> QuerySet[ReconciliationRun]:
        match self.value():
            case "any":
                return runs.exclude(findings=[])
            case "person":
                return runs.filter(OPEN | FLAGGED)
        return runs


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(Unchangeable, ModelAdmin[ReconciliationRun]):
    list_display = ("started_at", "ended", "number", "for_a_person", "error")
    list_filter = (WithFindings, "started_at")
    date_hierarchy = "started_at"
    show_full_result_count = False
    fields = ("started_at", "finished_at", "since", "looked_at", "error", "told")

    @admin.display(description=_("finished"), boolean=True)
    def ended(self, run: ReconciliationRun) -> bool:
        return run.finished_at is not None

    @admin.display(description=_("differences"))
    def number(self, run: ReconciliationRun) -> int:
        return len(run.told)

    @admin.display(description=_("for a person"))
    def for_a_person(self, run: ReconciliationRun) -> int:
        return sum(finding.needs_person for finding in run.told)

    @admin.display(description=_("looked at"))
    def looked_at(self, run: ReconciliationRun) -> str:
        words = (f"{number} {LOOKED_AT[kind]}" for kind, number in run.checked.items())
        return ", ".join(words) or "–"

    @admin.display(description=_("differences"))
    def told(self, run: ReconciliationRun) -> "SafeString | str":
        if not run.told:
            return gettext("Nothing differs.")
        rows = format_html_join("", ROW, map(_cells, run.told))
        return format_html(
            "<table><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead>{}</table>",
            _("registration"), _("what differs"), _("what was done"), rows,
        )  # fmt: skip


ROW = "<tr><td>{}</td><td>{}</td><td><strong>{}</strong><br>{}</td></tr>"
LOOKED_AT = {
    "events": _("events"),
    "sessions": _("Checkout sessions"),
    "payments": _("payments"),
    "refunds": _("refunds"),
    "disputes": _("disputes"),
    "ours": _("records of ours"),
}


def _cells(finding: Finding) -> tuple["SafeString | str", str, str, str]:
    known = Registration(pk=finding.registration) if _exists(finding) else None
    about = link(known) if known else finding.registration or "–"
    return about, finding.sentence, finding.result_in_words, ", ".join(finding.done)


def _exists(finding: Finding) -> bool:
    return bool(finding.registration) and finding.kind is not Kind.UNKNOWN_REGISTRATION
