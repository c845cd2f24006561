"""The page itself: the list of a model without rows of its own."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst

from inscrit.backoffice import ModelAdmin, Unchangeable
from inscrit.watchdog.models import Health

from . import signs
from .chart import HEIGHT, WIDTH
from .charts import charts
from .period import PERIODS, named


@admin.register(Health)
class HealthAdmin(Unchangeable, ModelAdmin[Health]):
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        period = named(request.GET.get("period"))
        now = timezone.now()
        told = signs.now()
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(self.opts.verbose_name_plural),
            "opts": self.opts,
            "signs": told,
            "is_well": not any(sign.wrong for sign in told),
            "periods": PERIODS,
            "period": period,
            "charts": charts(period, now),
            "now": now,
            "width": WIDTH,
            "height": HEIGHT,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/watchdog/health.html", context)

    def change_view(self, *_args: Any, **_named: Any) -> HttpResponse:
        raise Http404

    def history_view(self, *_args: Any, **_named: Any) -> HttpResponse:
        raise Http404
