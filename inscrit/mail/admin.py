"""The organisers' page for the outbox."""

# ruff: noqa: ARG001 - Django's signatures

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from inscrit.backoffice import (
    ModelAdmin,
    Unchangeable,
    link,
    list_of,
    one_by_one,
)
from inscrit.backoffice.attention import WAITING, Waiting
from inscrit.registrations import lifecycle
from inscrit.registrations.admin import RegistrationAdmin
from inscrit.registrations.models import Registration

from . import services
from .models import Message, MessageState
from .resending import Resend, after_correcting

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(Message)
class MessageAdmin(Unchangeable, ModelAdmin[Message]):
    list_display = (
        "created_at",
        "kind",
        "recipient",
        "state",
        "attempts",
        "registration_link",
        "sent_at",
    )
    list_filter = ("state", "kind", "locale", "created_at")
    list_select_related = ("registration",)
    search_fields = ("recipient", "registration__id")
    date_hierarchy = "created_at"
    fields = (
        "kind",
        "recipient",
        "locale",
        "registration_link",
        "state",
        "attempts",
        "error",
        "details",
        "created_at",
        "next_try_at",
        "sent_at",
    )
    actions = ("send_again",)
    change_form_template = "mail/admin_message.html"

    @admin.display(description=_("registration"), ordering="registration")
    def registration_link(self, message: Message) -> "SafeString | str":
        return link(message.registration)

    @admin.display(description=_("details"))
    def details(self, message: Message) -> str:
        said = (message.context.get(name) for name in ("subject", "text", "reason"))
        return "\n\n".join(str(one) for one in said if one) or "–"

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("mail.change_message")

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        one_by_one(request, chosen, _send_again)

    def get_urls(self) -> list[URLPattern]:
        """One more: where the button on a message's page goes."""
        button = self.admin_site.admin_view(require_POST(self.send_one_again))
        return [
            path("<int:pk>/send-again/", button, name="mail_message_send_again"),
            *super().get_urls(),
        ]

    def send_one_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_send_permission(request):
            raise PermissionDenied
        message = get_object_or_404(Message, pk=pk)
        one_by_one(request, Message.objects.filter(pk=message.pk), _send_again)
        return redirect("admin:mail_message_change", message.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {"may_send": self.has_send_permission(request)}
        return super().change_view(request, object_id, form_url, may | (extra_context or {}))


def _send_again(message: Message) -> str | None:
    try:
        services.send_again(message.pk)
    except services.BeingSent:
        return gettext("it is being sent at this moment")
    return None


@admin.action(description=_("Send the confirmation"), permissions=["change"])
def send_confirmation(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> None:
    one_by_one(request, chosen, _confirm)


def _confirm(registration: Registration) -> str | None:
    if registration.status not in lifecycle.CONFIRMED:
        return gettext("not possible (%(why)s)") % {"why": registration.get_status_display()}
    try:
        services.confirm_again(registration)
    except services.BeingSent:
        return gettext("it is being sent at this moment")
    return None


RegistrationAdmin.actions += [send_confirmation]
RegistrationAdmin.deeds += [Resend()]
RegistrationAdmin.corrected += [after_correcting]
WAITING.append(
    Waiting(
        ngettext_lazy(
            "%(n)d e-mail that could not be delivered",
            "%(n)d e-mails that could not be delivered",
            "n",
        ),
        "mail.view_message",
        Message.objects.filter(state=MessageState.FAILED).count,
        lambda: list_of(Message, "?state__exact=failed"),
    )
)
