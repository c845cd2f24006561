"""Turning a message of the outbox into a mail, as text and HTML."""

from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from inscrit import config
from inscrit.organisation.models import Organisation
from inscrit.registrations.models import Registration

from . import enclosures, reasons
from .illustrated import Mail
from .models import FOR_ORGANISERS, Message


def compose(message: Message) -> Mail:
    """The mail in its reader's language.

    Its Message-ID stays the same when it is sent again after a crash, so that a mailbox can see
    that it is the same one. Only when a person sends it once more it is a new one.
    """
    host = config.current().public_host
    about = message.registration_id or "organiser"
    again = f".{message.times_sent}" if message.times_sent else ""
    subject, text, html = _written(message)
    mail = Mail(
        subject=" ".join(subject.split()),
        body=text,
        to=[message.recipient],
        headers={
            "Message-ID": f"<{message.pk}{again}.{about}@{host}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834
            "Content-Language": message.locale,
        },
    )
    mail.attach_alternative(html, "text/html")
    enclosures.enclose(message, mail)
    return mail


def _written(message: Message) -> tuple[str, str, str]:
    registration = message.registration
    zone = ZoneInfo(registration.event.time_zone) if registration else None
    with translation.override(message.locale), timezone.override(zone):
        context = _context(message, registration)
        subject = render_to_string(f"mail/{message.kind}.subject.txt", context)
        text = render_to_string(f"mail/{message.kind}.txt", context)
        html = render_to_string(f"mail/{message.kind}.html", context)
    return subject, text, html


def _context(message: Message, registration: Registration | None) -> dict[str, Any]:
    site = config.current().public_url
    if registration is None:
        return {**message.context, "url": site + reverse("admin:index")}
    context = {
        "organisation": Organisation.current(),
        "code": enclosures.CODE if enclosures.has_code(message) else None,
        "enclosed": enclosures.names(message),
        "registration": registration,
        "event": registration.event,
        "participants": registration.participants.all(),
    }
    if message.kind not in FOR_ORGANISERS:
        return {**context, "url": site + registration.get_absolute_url()}
    # Never the registrant's own link: its token is for nobody else.
    page = reverse("admin:registrations_registration_change", args=[registration.pk])
    return {**context, "reason": reasons.why(message, registration), "url": site + page}
