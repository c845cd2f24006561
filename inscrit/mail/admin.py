"""The organisers' page for the outbox."""

# ruff: noqa: ARG001, ARG002 - Django's signatures

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from inscrit.backoffice import (
    ModelAdmin,
    StackedInline,
    Unchangeable,
    link,
    list_of,
    one_by_one,
)
from inscrit.backoffice.attention import WAITING, Waiting
from inscrit.backoffice.deeds import Deed, Prospect, Refused
from inscrit.backoffice.pages import Page, Panel
from inscrit.events.admin import EventAdmin
from inscrit.events.deeds import COPIED
from inscrit.events.models import Event
from inscrit.registrations import lifecycle
from inscrit.registrations.admin import RegistrationAdmin
from inscrit.registrations.deeds import actor
from inscrit.registrations.models import Registration

from . import changes, kinds, models, previewing, services
from .composing import written
from .delivery import without_keys
from .models import EventMails, Message, MessageState, Sending, Unsubscribed, UntoldChange
from .resending import Resend, after_correcting

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class SendAgain(Deed[Message]):
    name = "send-again"
    label = _("Send again")
    permission = "send"
    asks = False

    def act(self, request: HttpRequest, one: Message, _form: Any) -> list[str]:
        if problem := _send_again(one):
            raise Refused(capfirst(problem))
        return [gettext("It is on its way.")]


class GiveUp(Deed[Message]):
    name = "give-up"
    label = _("Give up")
    permission = "send"
    asks = False

    def is_offered(self, one: Message) -> bool:
        return one.state in (*models.WAITING, MessageState.FAILED)

    def act(self, request: HttpRequest, one: Message, _form: Any) -> list[str]:
        if problem := _give_up(one, actor(request)):
            raise Refused(capfirst(problem))
        return [gettext("It is given up.")]


def shown_words(request: HttpRequest, message: Message) -> "SafeString":
    context = {"message": message, "words": words(message)}
    return render_to_string("mail/admin_words.html", context, request)


@admin.register(Message)
class MessageAdmin(Unchangeable, Page[Message]):
    list_display = (
        "created_at",
        "kind",
        "recipient",
        "what_became",
        "registration_link",
    )
    list_filter = ("state", "kind", "locale", "created_at")
    list_select_related = ("registration", "waiting")
    search_fields = (
        "recipient",
        "registration__id",
        "registration__contact_name",
        "registration__contact_email",
        "registration__event__title",
        "waiting__id",
    )
    search_help_text = _("An address, a name, a registration’s reference or an event’s title.")
    date_hierarchy = "created_at"
    fields = (
        "kind",
        "recipient",
        "locale",
        "registration_link",
        "what_became",
        "attempts",
        "details",
        "created_at",
    )
    actions = ("send_again", "give_up")
    change_list_template = "mail/admin_messages.html"
    deeds: ClassVar[list[Deed[Any]]] = [SendAgain(), GiveUp()]
    below: ClassVar[list[Panel]] = [shown_words]

    @admin.display(description=_("registration"), ordering="registration")
    def registration_link(self, message: Message) -> "SafeString | str":
        return link(message.registration or message.waiting)

    @admin.display(description=_("what became of it"), ordering="state")
    def what_became(self, message: Message) -> "SafeString | str":
        return became(message)

    @admin.display(description=_("details"))
    def details(self, message: Message) -> str:
        said = (message.context.get(name) for name in ("subject", "text", "reason"))
        return "\n\n".join(str(one) for one in said if one) or "–"

    def has_send_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return request.user.has_perm("mail.change_message")

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        one_by_one(request, chosen, _send_again)

    @admin.action(description=_("Give up"), permissions=["send"])
    def give_up(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        by = actor(request)
        one_by_one(request, chosen, lambda message: _give_up(message, by))

    def get_urls(self) -> list[URLPattern]:
        """A message's words, and what each mail looks like."""
        ways: list[tuple[str, str, Any]] = [
            ("<int:pk>/body/", "body", require_safe(self.body)),
            ("preview/", "preview", previewing.page),
            ("preview/body/", "preview_body", previewing.body),
            ("preview/send/", "preview_send", previewing.send),
        ]
        return [
            *(
                path(way, self.admin_site.admin_view(view), name=f"mail_message_{name}")
                for way, name, view in ways
            ),
            *super().get_urls(),
        ]

    def body(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The words of a message as HTML, for a frame on its page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return previewing.framed(words(get_object_or_404(Message, pk=pk)).html)


def words(message: Message) -> Sending:
    """As it went out the last time; before that, as it would go out now."""
    if sent := message.sendings.first():
        return sent
    try:
        if kinds.of(message.kind).secret:
            said = gettext("It carries a link that is a key: its words are for its reader alone.")
            return Sending(message=message, text=said)
        letter = written(message).letter
    except Exception as error:  # noqa: BLE001 - why it can't be written is what a person wants to see
        return Sending(message=message, text=f"{type(error).__name__}: {error}")
    return Sending(
        message=message,
        recipient=message.recipient,
        subject=letter.subject,
        text=without_keys(letter.text, message),
        html=without_keys(letter.html, message),
    )


def became(message: Message) -> "SafeString | str":
    """What became of a message, in a sentence."""
    at = {
        "at": date_format(
            timezone.localtime(message.sent_at or message.next_try_at), "SHORT_DATETIME_FORMAT"
        )
    }
    if message.state == MessageState.SENT:
        return gettext("Sent on %(at)s") % at
    if message.state == MessageState.RETRYING:
        return gettext("To be tried again on %(at)s: %(error)s") % {**at, "error": message.error}
    if message.state == MessageState.FAILED:
        said = gettext("Not delivered: %(error)s") % {"error": message.error}
        return format_html('<span class="alarm">{}</span>', said)
    if message.state == MessageState.DROPPED:
        return gettext("Not sent: %(why)s") % {"why": message.error}
    return gettext("Waits to be sent")


def _give_up(message: Message, by: str) -> str | None:
    try:
        given_up = services.give_up(message.pk, by=by)
    except services.BeingSent:
        return gettext("it is being sent at this moment")
    return None if given_up else gettext("it does not wait to be sent")


def _send_again(message: Message) -> str | None:
    try:
        services.send_again(message.pk)
    except services.BeingSent:
        return gettext("it is being sent at this moment")
    except services.NotNeeded as why:
        return str(why)
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


class EventMailsInline(StackedInline[EventMails, Event]):
    model = EventMails
    extra = 1
    can_delete = False
    fields = ("words", "other_words", "reminder_days", "previews")
    readonly_fields = ("previews",)

    @admin.display(description=_("what they look like"))
    def previews(self, mails: EventMails) -> "SafeString | str":
        """The words as they are saved, in either language."""
        if not mails.event_id:
            return "–"
        page = reverse("admin:mail_message_preview")
        links = (
            (f"{page}?sample=confirmed&language={code}&event={mails.event_id}", code, name)
            for code, name in settings.LANGUAGES
        )
        return format_html_join(" · ", '<a href="{}" hreflang="{}">{}</a>', links)


@admin.register(Unsubscribed)
class UnsubscribedAdmin(ModelAdmin[Unsubscribed]):
    """Who asked for no more mails of a kind; deleting a row brings them back."""

    list_display = ("address", "kind", "at")
    list_filter = ("kind",)
    search_fields = ("address",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TellOfChange(Deed[Event]):
    name = "tell-change"
    label = _("Tell the registrants what has changed")
    question = _("Tell the registrants what has changed?")

    def is_offered(self, one: Event) -> bool:
        return changes.untold(one) is not None

    def prospect(self, one: Event, _data: Any = None) -> Prospect:
        believed = changes.untold(one)
        if believed is None:
            return Prospect(refusal=gettext("There is nothing that they do not know."))
        return Prospect([*_differences(believed, one), *_how_many(changes.readers(believed))])

    def act(self, request: HttpRequest, one: Event, _form: Any) -> list[str]:
        return _how_many(changes.tell(one))


class KeepQuiet(Deed[Event]):
    name = "keep-quiet"
    label = _("Tell nobody of the change")
    question = _("Tell nobody of the change?")
    asks = False

    def is_offered(self, one: Event) -> bool:
        return changes.untold(one) is not None

    def act(self, request: HttpRequest, one: Event, _form: Any) -> list[str]:
        changes.keep_quiet(one)
        return [gettext("Nobody is told.")]


def _how_many(readers: changes.Readers) -> list[str]:
    having, lined_up = readers
    text = ngettext(
        "%(n)d registrant is told by e-mail.", "%(n)d registrants are told by e-mail.", having
    )
    lines = [text % {"n": having}]
    if lined_up:
        text = ngettext(
            "%(n)d person on the waiting list is told by e-mail.",
            "%(n)d people on the waiting list are told by e-mail.",
            lined_up,
        )
        lines.append(text % {"n": lined_up})
    return lines


def _differences(believed: UntoldChange, event: Event) -> list[str]:
    return [
        gettext("%(what)s: %(now)s (before: %(before)s)")
        % {"what": one.what, "now": one.now, "before": one.before}
        for one in changes.differences(believed, event)
    ]


def untold_change(request: HttpRequest, event: Event) -> "SafeString | str":
    """What registrants do not know yet, above the event's fields."""
    believed = changes.untold(event)
    if believed is None:
        return ""
    lines = format_html_join("", "<li>{}</li>", ((one,) for one in _differences(believed, event)))
    return format_html(
        '<div class="panel needed" id="untold"><h2>{}</h2><ul class="consequences">{}</ul></div>',
        gettext("The registrants do not know yet what has changed"),
        lines,
    )


def ask_whether_to_tell(request: HttpRequest, event: Event) -> str | None:
    """Where to go after an event was saved that is not any more what people registered for."""
    deed = TellOfChange()
    may = request.user.has_perm("events.change_event")
    return deed.address(event) if may and deed.is_offered(event) else None


def _copy_words(event: Event, copy: Event) -> None:
    if chosen := EventMails.objects.filter(event=event).first():
        copied = ("words", "other_words", "reminder_days")
        EventMails.objects.create(event=copy, **{name: getattr(chosen, name) for name in copied})


EventAdmin.inlines = [*EventAdmin.inlines, EventMailsInline]
EventAdmin.deeds += [TellOfChange(), KeepQuiet()]
COPIED.append(_copy_words)
EventAdmin.above += [untold_change]
EventAdmin.once_saved = [*EventAdmin.once_saved, ask_whether_to_tell]
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
