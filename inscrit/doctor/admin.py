"""The page “Set-up”: the findings, and a button for the checks that take a while."""

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from inscrit import config
from inscrit.backoffice import ModelAdmin, Unchangeable

from . import examination, report
from .finding import State
from .models import SetUp

WORST_FIRST = (State.ERROR, State.WARNING, State.SKIPPED, State.OK)


@admin.register(SetUp)
class SetUpAdmin(Unchangeable, ModelAdmin[SetUp]):
    """Its list is the page; there are no rows."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return _page(self, request, extra_context or {})

    def change_view(self, *_args: Any, **_named: Any) -> HttpResponse:
        raise Http404

    def history_view(self, *_args: Any, **_named: Any) -> HttpResponse:
        raise Http404

    def delete_view(self, *_args: Any, **_named: Any) -> HttpResponse:
        raise Http404


def _page(page: SetUpAdmin, request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
    may_check = request.user.has_perm("doctor.change_setup")
    if not page.has_view_permission(request) or (request.method == "POST" and not may_check):
        raise PermissionDenied
    return _show(request, page, {"may_check": may_check, **more})


@require_http_methods(["GET", "HEAD", "POST"])
def _show(request: HttpRequest, page: SetUpAdmin, more: dict[str, Any]) -> HttpResponse:
    settings, all_of_it = config.current(), request.method == "POST"
    if all_of_it:
        findings = async_to_sync(examination.thorough)(settings)
    else:
        findings = examination.here(settings)
    context = {
        **page.admin_site.each_context(request),
        "title": _("Set-up"),
        "opts": page.opts,
        "findings": sorted(findings, key=lambda one: WORST_FIRST.index(one.state)),
        "summary": report.summary(findings),
        "all_of_it": all_of_it,
        **more,
    }
    return TemplateResponse(request, "admin/doctor/set_up.html", context)
