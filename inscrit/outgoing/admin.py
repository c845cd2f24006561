"""The organisers' pages for other programs that are told of changes."""
# ruff: noqa: ARG002 - Django's signatures

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminURLFieldWidget
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import TabularInline, Unchangeable, link, list_of, page_of
from inscrit.backoffice.attention import WAITING, Waiting
from inscrit.backoffice.deeds import Deed, Prospect
from inscrit.backoffice.pages import Page, Panel
from inscrit.registrations.explanations import in_words

from . import destination, secrets, services
from .models import Attempt, Delivery, Endpoint
from .types import TYPES

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.safestring import SafeString

    ModelForm = forms.ModelForm[Endpoint]
else:
    ModelForm = forms.ModelForm

LATEST = 20


class EndpointForm(ModelForm):
    url = forms.URLField(
        label=_("Address"),
        max_length=500,
        assume_scheme="https",
        help_text=_("Where messages are sent to, by HTTPS."),
        widget=AdminURLFieldWidget,
    )
    types = forms.MultipleChoiceField(
        label=_("What it is told"),
        choices=list(TYPES.items()),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Endpoint
        fields = ("url", "description", "types")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            destination.check(url)
        except destination.Forbidden as error:
            raise forms.ValidationError(str(error)) from None
        return url


class SendTest(Deed[Endpoint]):
    name = "test"
    label = _("Send a test message")
    asks = False

    def is_offered(self, one: Endpoint) -> bool:
        return one.is_enabled

    def act(self, request: HttpRequest, one: Endpoint, form: forms.Form | None) -> Sequence[str]:
        services.send_test(one)
        return [
            gettext("The test message is on its way; what came of it stands below in a moment.")
        ]


class RotateSecret(Deed[Endpoint]):
    """Its answer goes to the page that shows the secret, see ``EndpointAdmin``."""

    name = "rotate"
    label = _("New secret")
    question = _("Make a new secret?")
    severe = True

    def prospect(self, one: Endpoint, data: "QueryDict | None" = None) -> Prospect:
        return Prospect(
            [
                gettext("The new secret is shown once, on the next page."),
                gettext(
                    "For 24 hours messages are signed with the old one too: time to enter the new"
                    " one in the other program."
                ),
            ]
        )

    def act(self, request: HttpRequest, one: Endpoint, form: forms.Form | None) -> Sequence[str]:
        secrets.rotate(one)
        return [gettext("It has a new secret.")]


class SwitchOff(Deed[Endpoint]):
    name = "disable"
    label = _("Switch off")
    question = _("Switch this endpoint off?")

    def is_offered(self, one: Endpoint) -> bool:
        return one.is_enabled

    def prospect(self, one: Endpoint, data: "QueryDict | None" = None) -> Prospect:
        return Prospect(
            [gettext("The other program is told nothing until it is switched on again.")]
        )

    def act(self, request: HttpRequest, one: Endpoint, form: forms.Form | None) -> Sequence[str]:
        services.disable(one)
        return [gettext("It is switched off.")]


class SwitchOn(Deed[Endpoint]):
    name = "enable"
    label = _("Switch on")
    asks = False

    def is_offered(self, one: Endpoint) -> bool:
        return not one.is_enabled

    def act(self, request: HttpRequest, one: Endpoint, form: forms.Form | None) -> Sequence[str]:
        services.enable(one)
        return [gettext("It is switched on. What it missed can be sent again from its deliveries.")]


def latest(request: HttpRequest, endpoint: Endpoint) -> "SafeString":
    """The last deliveries, with what was answered."""
    known = endpoint.deliveries.select_related("message").prefetch_related("tries")
    context = {
        "deliveries": [
            {"one": one, "page": page_of(one), "last": next(iter(one.tries.all()), None)}
            for one in known[:LATEST]
        ],
        "all": list_of(Delivery, f"?endpoint__id__exact={endpoint.pk}"),
    }
    return render_to_string("admin/outgoing/latest.html", context, request)


@admin.register(Endpoint)
class EndpointAdmin(Page[Endpoint]):
    form = EndpointForm
    list_display = ("__str__", "url", "is_on", "succeeded_at")
    fields = ("url", "description", "types", "state", "succeeded_at", "created_at")
    readonly_fields = ("state", "succeeded_at", "created_at")
    deeds: ClassVar[list[Deed[Any]]] = [SendTest(), RotateSecret(), SwitchOff(), SwitchOn()]
    last: ClassVar[list[Panel]] = [latest]
    # An address that nobody visits.
    view_on_site = False

    @admin.display(description=_("on"), boolean=True, ordering="disabled_at")
    def is_on(self, endpoint: Endpoint) -> bool:
        return endpoint.is_enabled

    @admin.display(description=_("state"))
    def state(self, endpoint: Endpoint) -> str:
        if endpoint.is_enabled:
            return gettext("On")
        why = endpoint.disabled_reason
        return gettext("Off (%(why)s)") % {"why": why} if why else gettext("Off")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its deliveries go with it, although nobody deletes one of them by hand."""
        objects, counts, _forbidden, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected

    def response_add(
        self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The secret, once, on a page of its own: no cookie and no redirect carries it."""
        return self._secret(request, obj)

    def response_deed(
        self, request: HttpRequest, deed: Deed[Any], one: Endpoint
    ) -> HttpResponse | None:
        return self._secret(request, one) if deed.name == RotateSecret.name else None

    def _secret(self, request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
        list(messages.get_messages(request))  # told by this page
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The secret of this endpoint"),
            "secret": secrets.secret(endpoint),
            "endpoint": endpoint,
            "back": page_of(endpoint),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/outgoing/secret.html", context)


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


class AttemptInline(Unchangeable, TabularInline[Attempt, Delivery]):
    model = Attempt
    fields = readonly_fields = ("at", "status", "error", "excerpt", "milliseconds")
    extra = 0


class SendAgain(Deed[Delivery]):
    name = "send-again"
    label = _("Send again")
    permission = "send"
    asks = False

    def act(self, request: HttpRequest, one: Delivery, form: forms.Form | None) -> Sequence[str]:
        services.send_again([one])
        return [gettext("It is on its way.")]


@admin.register(Delivery)
class DeliveryAdmin(Unchangeable, Page[Delivery]):
    list_display = ("at", "type", "about", "endpoint", "state", "attempts", "next")
    list_filter = ("state", "message__type", ("endpoint", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("message__registration", "endpoint")
    search_fields = ("message__id", "message__registration__id", "message__event_id")
    date_hierarchy = "created_at"
    fields = (
        "type",
        "about",
        "why",
        "endpoint_link",
        "state",
        "attempts",
        "next",
        "number",
        "body",
    )
    readonly_fields = ("type", "about", "why", "endpoint_link", "next", "number", "body", "at")
    inlines: ClassVar[list[Any]] = [AttemptInline]
    deeds: ClassVar[list[Deed[Any]]] = [SendAgain()]
    actions = ("send_again",)

    @admin.display(description=_("when"), ordering="created_at")
    def at(self, delivery: Delivery) -> str:
        return _moment(delivery.message.at)

    @admin.display(description=_("what"), ordering="message__type")
    def type(self, delivery: Delivery) -> str:
        return str(TYPES.get(delivery.message.type, _("Test message")))

    @admin.display(description=_("about"))
    def about(self, delivery: Delivery) -> "SafeString | str":
        return (
            link(delivery.message.registration)
            if delivery.message.registration
            else (delivery.message.event_id or "–")
        )

    @admin.display(description=_("why"))
    def why(self, delivery: Delivery) -> "SafeString | str":
        return in_words(delivery.message.reason)

    @admin.display(description=_("endpoint"))
    def endpoint_link(self, delivery: Delivery) -> "SafeString | str":
        return link(delivery.endpoint)

    @admin.display(description=_("next try"), ordering="next_try_at")
    def next(self, delivery: Delivery) -> str:
        return _moment(delivery.next_try_at) if delivery.state == "waiting" else "–"

    @admin.display(description="webhook-id")
    def number(self, delivery: Delivery) -> str:
        return delivery.message_id

    @admin.display(description=_("message"))
    def body(self, delivery: Delivery) -> str:
        return delivery.message.body or "–"

    def has_send_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return request.user.has_perm("outgoing.change_endpoint")

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        services.send_again(list(chosen))
        messages.success(request, gettext("Done: %(n)d") % {"n": chosen.count()})


WAITING.append(
    Waiting(
        ngettext_lazy(
            "%(n)d webhook endpoint that was switched off",
            "%(n)d webhook endpoints that were switched off",
            "n",
        ),
        "outgoing.view_endpoint",
        Endpoint.objects.exclude(disabled_reason="").count,
        lambda: list_of(Endpoint),
    )
)
