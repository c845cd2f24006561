"""A filter that is on or off."""
# ruff: noqa: ARG002 - Django's signatures

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class AttentionFilter(admin.SimpleListFilter):
    """Only the rows that ``condition`` names; otherwise all."""

    title = _("to be looked at")
    parameter_name = "attention"
    condition: Q

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.condition) if self.value() == "yes" else queryset
