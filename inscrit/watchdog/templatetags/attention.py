"""What waits for a person, for the first page of the back office."""

from typing import Any, NamedTuple

from django import template
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from inscrit.events.models import Event
from inscrit.mail.models import Message, MessageState
from inscrit.registrations.models import Registration
from inscrit.watchdog.models import AuditRun
from inscrit.webhooks.models import EventOutcome, StripeEvent

register = template.Library()


class Waiting(NamedTuple):
    label: str
    number: int
    url: str


@register.simple_tag(takes_context=True)
def waiting_for_a_person(context: dict[str, Any]) -> list[Waiting]:
    """Only what there is, and what this person may see."""
    user = context["request"].user
    return [waiting for waiting in _all(user) if waiting.number]


def _all(user: User) -> list[Waiting]:
    found = []
    if user.has_perm("registrations.view_registration"):
        number = Registration.objects.filter(review__isnull=False).count()
        url = reverse("admin:registrations_registration_changelist") + "?attention=yes"
        found.append(Waiting(_("Registrations to look at"), number, url))
    if user.has_perm("events.view_event"):
        number = Event.objects.filter(sales_stopped_at__isnull=False).count()
        url = reverse("admin:events_event_changelist") + "?sales_stopped_at__isempty=0"
        found.append(Waiting(_("Events whose sales are stopped"), number, url))
    if user.has_perm("mail.view_message"):
        number = Message.objects.filter(state=MessageState.FAILED).count()
        url = reverse("admin:mail_message_changelist") + "?state__exact=failed"
        found.append(Waiting(_("Mails that could not be delivered"), number, url))
    if user.has_perm("webhooks.view_stripeevent"):
        number = StripeEvent.objects.filter(outcome=EventOutcome.FAILED).count()
        url = reverse("admin:webhooks_stripeevent_changelist") + "?outcome__exact=failed"
        found.append(Waiting(_("Stripe events that failed by our own fault"), number, url))
    if user.has_perm("watchdog.view_auditrun") and (run := AuditRun.objects.first()):
        url = reverse("admin:watchdog_auditrun_change", args=[run.pk])
        found.append(Waiting(_("Breaches found by the watchdog"), run.total, url))
    return found
