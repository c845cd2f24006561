"""Turning a message of the outbox into a mail, and handing it to the mail server."""

from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from inscrit import config
from inscrit.monitoring import metrics

from .models import Message, MessageState

log = structlog.get_logger()


# Minutes to wait after each failure; the last one is kept to. Some three days in all.
DELAYS = (1, 2, 5, 10, 30, 60, 120)
MOST_ATTEMPTS = 40
MOST_AT_ONCE = 500


def waiting() -> list[int]:
    """The messages to be sent now that no job has in hand."""
    due = Message.objects.filter(
        state__in=[MessageState.QUEUED, MessageState.RETRYING], next_try_at__lte=timezone.now()
    )
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


def deliver(message_id: int) -> bool:
    """Send one message, once; whether it is sent. A failure is kept with it, and tried again.

    Two workers never have the same message: its row is locked while it is being sent.
    Raises Message.DoesNotExist.
    """
    with transaction.atomic():
        message = (
            Message.objects.select_related("registration__event")
            .select_for_update(of=("self",), no_key=True)
            .get(pk=message_id)
        )
        if message.state in (MessageState.SENT, MessageState.FAILED):
            return message.state == MessageState.SENT
        message.attempts += 1
        try:
            compose(message).send()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next message must go out
            _postpone(message, error)
            return False
        message.state, message.error, message.sent_at = MessageState.SENT, "", timezone.now()
        message.save(update_fields=["state", "error", "attempts", "sent_at"])
    metrics.EMAILS.labels(message.kind, "sent").inc()
    log.info(f"✉️  Mail sent: {message.kind}", **_details(message))
    return True


def _postpone(message: Message, error: Exception) -> None:
    final = message.attempts >= MOST_ATTEMPTS
    message.state = MessageState.FAILED if final else MessageState.RETRYING
    message.error = f"{type(error).__name__}: {error}"
    delay = DELAYS[min(message.attempts, len(DELAYS)) - 1]
    message.next_try_at = timezone.now() + timedelta(minutes=delay)
    message.save(update_fields=["state", "error", "attempts", "next_try_at"])
    metrics.EMAILS.labels(message.kind, "failed").inc()
    ours = not isinstance(error, SMTPException | OSError)
    log.warning(
        f"✉️  Mail not sent: {message.kind}",
        state=str(message.state),
        error=type(error).__name__,
        exc_info=error if ours else None,
        **_details(message),
    )


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
