"""The organisers' list of receipts: what was given, with its number."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, Unchangeable, link

from .models import Receipt
from .pdf import paper

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(Receipt)
class ReceiptAdmin(Unchangeable, ModelAdmin[Receipt]):
    list_display = ("__str__", "issued_at", "registration_link", "print_link")
    list_filter = ("year", "issued_at")
    list_select_related = ("registration",)
    search_fields = ("registration__id", "registration__contact_name")
    fields = readonly_fields = ("__str__", "issued_at", "registration_link", "print_link")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.print)
        here = path("<int:receipt>/print/", view, name="papers_receipt_print")
        return [here, *super().get_urls()]

    def print(self, request: HttpRequest, receipt: int) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        printed = paper(get_object_or_404(Receipt, pk=receipt))
        headers = {"Content-Disposition": f'inline; filename="{printed.name}"'}
        return HttpResponse(printed.render(), content_type="application/pdf", headers=headers)

    @admin.display(description=_("registration"))
    def registration_link(self, receipt: Receipt) -> "SafeString | str":
        return link(receipt.registration, receipt.registration.contact_name)

    @admin.display(description=_("PDF"))
    def print_link(self, receipt: Receipt) -> "SafeString":
        address = reverse("admin:papers_receipt_print", args=[receipt.pk])
        return format_html('<a href="{}">{}</a>', address, _("Print"))
