"""The organisers' pages for Stripe's events: what each said, what it changed, or why it did not."""
# ruff: noqa: ARG002 - Django's signatures

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import structlog
from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from inscrit import config
from inscrit.backoffice import Unchangeable, link, list_of
from inscrit.backoffice.attention import WAITING, Waiting
from inscrit.backoffice.deeds import Deed, Prospect, Refused
from inscrit.backoffice.filters import AttentionFilter
from inscrit.backoffice.pages import Page, Panel
from inscrit.registrations.admin import told
from inscrit.registrations.consequences import consequences
from inscrit.registrations.deeds import actor
from inscrit.registrations.explanations import explain, in_words
from inscrit.registrations.models import JournalEntry, Registration

from . import rotation, services, signature
from .models import NEEDS_A_PERSON, EventOutcome, StripeEvent
from .types import TYPES

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

log = structlog.get_logger()


def replayed(request: HttpRequest, event: StripeEvent, *, dry_run: bool = False) -> list[str]:
    """Apply it again; what came of it, in sentences. Raises Refused if that fails by our fault."""
    try:
        result = services.replay(event.pk, dry_run=dry_run, actor=actor(request))
    except Exception as error:
        log.error("❌ Replay failed", stripe_event=event.pk, exc_info=error)
        failed = gettext("An error of our own kept it from being applied: %(error)s.")
        nothing = gettext("Nothing was changed.")
        raise Refused(f"{failed % {'error': type(error).__name__}} {nothing}") from error
    changes = consequences(result.entry.before, result.entry.decision) if result.entry else []
    label, why = EventOutcome(result.outcome).label, explain(result.reason).what
    return [f"{label}. {why}", *(changes or [gettext("Nothing changes.")])]


class Replay(Deed[StripeEvent]):
    name = "replay"
    label = _("Apply again")
    question = _("Apply this event again?")
    permission = "replay"

    def prospect(self, one: StripeEvent, _data: QueryDict | None = None) -> Prospect:
        return Prospect(
            [
                gettext("It is applied as if Stripe had sent it just now."),
                gettext("What it has changed before is not changed a second time."),
            ]
        )

    def act(self, request: HttpRequest, one: StripeEvent, _form: forms.Form | None) -> list[str]:
        return [gettext("Applied again:"), *replayed(request, one)]


class DryRun(Deed[StripeEvent]):
    name = "dry-run"
    label = _("What would happen if it were applied again?")
    question = label
    permission = "view"
    asks = False
    level = messages.INFO

    def act(self, request: HttpRequest, one: StripeEvent, _form: forms.Form | None) -> list[str]:
        told = replayed(request, one, dry_run=True)
        return [gettext("If it were applied again:"), *told, gettext("So far nothing was done.")]


class SetAside(Deed[StripeEvent]):
    name = "set-aside"
    label = _("Nothing to do: set aside")
    question = _("Set this event aside?")
    permission = "replay"

    def is_offered(self, one: StripeEvent) -> bool:
        return StripeEvent.objects.filter(NEEDS_A_PERSON, pk=one.pk).exists()

    def prospect(self, one: StripeEvent, _data: QueryDict | None = None) -> Prospect:
        told = gettext(
            "It is no longer counted among what waits for a person, and not tried again by itself."
        )
        return Prospect([told])

    def act(self, request: HttpRequest, one: StripeEvent, _form: forms.Form | None) -> list[str]:
        set_aside(StripeEvent.objects.filter(pk=one.pk), actor(request))
        return [gettext("Set aside.")]


def set_aside(chosen: QuerySet[StripeEvent], by: str) -> int:
    """A person has looked: it is neither tried nor counted any more. How many there were."""
    return chosen.filter(NEEDS_A_PERSON).update(set_aside_by=by, next_try_at=None)


def what_it_changed(request: HttpRequest, event: StripeEvent) -> "SafeString":
    """The journal's rows of this event; where there is none, why it changed nothing."""
    rows = JournalEntry.objects.filter(
        registration=event.registration_id, stripe_event=event.pk
    ).order_by("id")
    context = {
        "event": event,
        "what": TYPES.get(event.type, event.type),
        "entries": [told(row) for row in rows],
        "why": explain(event.reason),
    }
    return render_to_string("admin/webhooks/changes.html", context, request)


VERDICTS = {
    rotation.Verdict.ONLY: _("The only one: keep it."),
    rotation.Verdict.NEWEST: _("The newest: keep it."),
    rotation.Verdict.UNPROVEN: _("The newest: it has verified nothing yet."),
    rotation.Verdict.IN_USE: _("Still needed: keep it."),
    rotation.Verdict.NEVER_USED: _(
        "Nothing came that it alone has signed. If it is the newest, put it first; if you know "
        "it for an old one, take it out."
    ),
    rotation.Verdict.SAFE_TO_REMOVE: _("No longer in use: it is safe to remove."),
}


def secrets_in_words() -> list[dict[str, Any]]:
    """Each signing secret of the setting: how much it was used, and what to do with it."""
    ours = [one.fingerprint for one in signature.secrets(_secrets())]
    return [
        {
            "use": use,
            "words": VERDICTS[use.verdict],
            "is_safe": use.verdict is rotation.Verdict.SAFE_TO_REMOVE,
        }
        for use in rotation.uses(ours)
    ]


class TypeFilter(admin.SimpleListFilter):
    title = _("what Stripe says")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*TYPES.items(), ("other", _("Anything else"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent]
    ) -> QuerySet[StripeEvent]:
        if self.value() == "other":
            return queryset.exclude(type__in=TYPES)
        return queryset.filter(type=self.value()) if self.value() else queryset


class ForAPerson(AttentionFilter):
    condition = NEEDS_A_PERSON


@admin.register(StripeEvent)
class StripeEventAdmin(Unchangeable, Page[StripeEvent]):
    list_display = (
        "received_at",
        "type_in_words",
        "outcome_in_words",
        "registration_link",
        "deliveries",
        "attempts",
        "next_try_at",
    )
    list_filter = ("outcome", ForAPerson, TypeFilter, "livemode", "received_at")
    search_fields = (
        "id__exact",
        "registration_id__exact",
        "payment_key__exact",
        "object_id__exact",
        "type__exact",
        "outcome__exact",
    )
    search_help_text = _(
        "The whole number of the event, the registration, the payment, the session, the refund or"
        " the dispute; Stripe’s name of the event; or an outcome such as “failed”."
    )
    date_hierarchy = "received_at"
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {"fields": ("type_in_words", "outcome", "reason_in_words", "registration_link")},
        ),
        (
            _("Details"),
            {
                "fields": (
                    "id",
                    "object_id",
                    "payment_key",
                    "created",
                    "received_at",
                    "deliveries",
                    "attempts",
                    "next_try_in_words",
                    "set_aside_by",
                    "secret_in_words",
                    "duration",
                    "mode",
                    "api_version",
                )
            },
        ),
        (_("As Stripe sent it"), {"fields": ("body",), "classes": ("collapse",)}),
    )
    actions = ("replay", "dry_run", "set_aside")
    deeds: ClassVar[list[Deed[Any]]] = [DryRun(), Replay(), SetAside()]
    above: ClassVar[list[Panel]] = [what_it_changed]
    change_list_template = "admin/webhooks/inbox.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"secrets": secrets_in_words(), **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StripeEvent]:
        return super().get_queryset(request).defer("payload")

    @admin.display(description=_("what Stripe says"), ordering="type")
    def type_in_words(self, event: StripeEvent) -> "SafeString | str":
        words = TYPES.get(event.type, "")
        return format_html('{} <small class="code">{}</small>', words, event.type)

    @admin.display(description=_("outcome"), ordering="outcome")
    def outcome_in_words(self, event: StripeEvent) -> "SafeString":
        why = in_words(event.reason)
        return format_html("<strong>{}</strong><br>{}", event.get_outcome_display(), why)

    @admin.display(description=_("why"), ordering="reason")
    def reason_in_words(self, event: StripeEvent) -> "SafeString | str":
        return in_words(event.reason)

    @admin.display(description=_("registration"), ordering="registration_id")
    def registration_link(self, event: StripeEvent) -> "SafeString | str":
        is_ours = event.outcome != EventOutcome.UNMATCHED
        if not is_ours or not event.registration_id.startswith("reg-"):
            return event.registration_id or "–"
        return link(Registration(pk=event.registration_id))

    @admin.display(description=_("next try"))
    def next_try_in_words(self, event: StripeEvent) -> object:
        if event.next_try_at is not None:
            return date_format(timezone.localtime(event.next_try_at), "DATETIME_FORMAT")
        waits = StripeEvent.objects.filter(NEEDS_A_PERSON, pk=event.pk).exists()
        return _("none: given up") if waits else _("none is needed")

    @admin.display(description=_("signing secret"))
    def secret_in_words(self, event: StripeEvent) -> "SafeString | str":
        """Its fingerprint, and whether it is still in use."""
        ours = [one.fingerprint for one in signature.secrets(_secrets())]
        if event.secret not in ours:
            told = gettext("no longer in use")
        elif len(ours) == 1:
            told = gettext("in use")
        else:
            place = {"n": ours.index(event.secret) + 1, "all": len(ours)}
            told = gettext("in use, number %(n)d of %(all)d") % place
        return format_html('{} <small class="code">{}</small>', told, event.secret)

    @admin.display(description=_("time it took"), ordering="duration_us")
    def duration(self, event: StripeEvent) -> str:
        return gettext("%(n)s ms") % {"n": number_format(event.duration_us / 1000, 1)}

    @admin.display(description=_("mode"), ordering="livemode")
    def mode(self, event: StripeEvent) -> str:
        return gettext("live mode: real money") if event.livemode else gettext("test mode")

    @admin.display(description=_("body"))
    def body(self, event: StripeEvent) -> "SafeString | str":
        try:
            text = json.dumps(json.loads(event.payload_to_show), indent=2, ensure_ascii=False)
        except ValueError:
            text = event.payload_to_show
        return format_html('<pre class="body">{}</pre>', text)

    def has_replay_permission(self, request: HttpRequest, obj: StripeEvent | None = None) -> bool:
        return request.user.has_perm("webhooks.change_stripeevent")

    @admin.action(description=_("Apply again"), permissions=["replay"])
    def replay(self, request: HttpRequest, chosen: QuerySet[StripeEvent]) -> None:
        _each(request, chosen, dry_run=False)

    @admin.action(
        description=_("What would happen if they were applied again?"), permissions=["view"]
    )
    def dry_run(self, request: HttpRequest, chosen: QuerySet[StripeEvent]) -> None:
        _each(request, chosen, dry_run=True)

    @admin.action(description=_("Nothing to do: set aside"), permissions=["replay"])
    def set_aside(self, request: HttpRequest, chosen: QuerySet[StripeEvent]) -> None:
        n = set_aside(chosen, actor(request))
        messages.success(request, gettext("Done: %(n)d") % {"n": n})


def _secrets() -> Sequence[str]:
    return config.current().stripe_webhook_secrets


def _each(request: HttpRequest, chosen: QuerySet[StripeEvent], *, dry_run: bool) -> None:
    """The oldest first, as they came."""
    for event in chosen.order_by("received_at", "id"):
        try:
            told = replayed(request, event, dry_run=dry_run)
        except Refused as failure:
            messages.error(request, f"{event.pk}: {failure}")
        else:
            messages.info(request, f"{event.pk}: {' '.join(told)}")


WAITING.append(
    Waiting(
        ngettext_lazy(
            "%(n)d message from Stripe that could not be applied",
            "%(n)d messages from Stripe that could not be applied",
            "n",
        ),
        "webhooks.view_stripeevent",
        StripeEvent.objects.filter(NEEDS_A_PERSON).count,
        lambda: list_of(StripeEvent, "?attention=yes"),
    )
)
