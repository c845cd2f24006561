"""Turning a message of the outbox into a mail, and handing it to the mail server."""

from smtplib import SMTPException

import structlog
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from inscrit import config
from inscrit.monitoring import metrics

from .models import Message, MessageState

log = structlog.get_logger()


class NotSent(Exception):
    """The mail server did not take a message; it will be tried again."""


def deliver(message_id: int) -> None:
    """Send one message, once. Raises NotSent; Message.DoesNotExist."""
    message = Message.objects.select_related("registration__event").get(pk=message_id)
    if message.state == MessageState.SENT:
        return
    message.attempts += 1
    try:
        compose(message).send()
    except (SMTPException, OSError) as error:
        message.state, message.error = MessageState.RETRYING, f"{type(error).__name__}: {error}"
        message.save(update_fields=["state", "error", "attempts"])
        metrics.EMAILS.labels(message.kind, "failed").inc()
        log.warning("✉️  Mail not sent, to be tried again", **_details(message))
        raise NotSent from error
    message.state, message.error, message.sent_at = MessageState.SENT, "", timezone.now()
    message.save(update_fields=["state", "error", "attempts", "sent_at"])
    metrics.EMAILS.labels(message.kind, "sent").inc()
    log.info(f"✉️  Mail sent: {message.kind}", **_details(message))


def _details(message: Message) -> dict[str, str | int]:
    return {
        "registration": message.registration_id,
        "message": message.pk,
        "attempts": message.attempts,
    }


def compose(message: Message) -> EmailMultiAlternatives:
    """The mail in the registrant's language, as text and HTML.

    Its Message-ID stays the same when it is sent again after a crash, so that a mailbox can see
    that it is the same one.
    """
    settings = config.current()
    registration = message.registration
    context = {
        "registration": registration,
        "event": registration.event,
        "participants": registration.participants.all(),
        "url": settings.public_url + registration.get_absolute_url(),
    }
    with translation.override(message.locale), timezone.override(registration.event.time_zone):
        subject = render_to_string(f"mail/{message.kind}.subject.txt", context)
        text = render_to_string(f"mail/{message.kind}.txt", context)
        html = render_to_string(f"mail/{message.kind}.html", context)
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=text,
        to=[message.recipient],
        headers={
            "Message-ID": f"<{message.pk}.{registration.pk}@{settings.public_host}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834
            "Content-Language": message.locale,
        },
    )
    mail.attach_alternative(html, "text/html")
    return mail
