"""The organisers' page for API keys. They are made on the command line, and shown there once."""
# ruff: noqa: ARG002 - Django's signatures

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, Unchangeable

from .models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(Unchangeable, ModelAdmin[ApiKey]):
    list_display = ("name", "role", "prefix", "created_at", "last_used_at", "revoked_at")
    list_filter = ("role", "revoked_at")
    search_fields = ("name", "prefix")
    fields = ("name", "role", "prefix", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("api.change_apikey")

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        chosen.filter(revoked_at=None).update(revoked_at=timezone.now())
