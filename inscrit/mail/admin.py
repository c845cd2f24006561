"""The organisers' page for the outbox."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, TabularInline, Unchangeable, link, one_by_one
from inscrit.registrations.admin import RegistrationAdmin
from inscrit.registrations.models import Registration

from . import tasks
from .models import Message, MessageState

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class MessageInline(Unchangeable, TabularInline[Message, Registration]):
    model = Message
    fields = readonly_fields = ("kind", "recipient", "state", "attempts", "created_at", "sent_at")
    extra = 0
    show_change_link = True


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
        "created_at",
        "sent_at",
    )
    actions = ("send_again",)

    @admin.display(description=_("registration"), ordering="registration")
    def registration_link(self, message: Message) -> "SafeString | str":
        return link(message.registration)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("mail.change_message")

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        one_by_one(request, chosen, _queue)


def _queue(message: Message) -> None:
    """To the address that the registration has now: it may have been put right."""
    with transaction.atomic():
        message.state, message.attempts = MessageState.QUEUED, 0
        message.next_try_at = timezone.now()
        message.recipient = message.registration.contact_email
        message.save(update_fields=["state", "attempts", "next_try_at", "recipient"])
        tasks.deliver.defer(message_ids=[message.pk])


RegistrationAdmin.inlines += [MessageInline]
