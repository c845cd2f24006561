"""The organisers' page for their own name and address: there is one, and its list leads to it."""
# ruff: noqa: ARG002 - Django's signatures

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from inscrit.backoffice import ModelAdmin, page_of

from .models import Organisation


@admin.register(Organisation)
class OrganisationAdmin(ModelAdmin[Organisation]):
    fields = ("name", "address", "registration_number", "tax_note", "contact_email")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        known = Organisation.objects.first()
        if known is None and not self.has_add_permission(request):
            return super().changelist_view(request, extra_context)
        there = page_of(known) if known else reverse("admin:organisation_organisation_add")
        return HttpResponseRedirect(there)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Organisation.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        return False
