"""What can be asked of the outbox: an alert to the organiser, or that a message goes out again."""

import structlog
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from inscrit import config
from inscrit.registrations.models import Registration

from .models import FOR_ORGANISERS, Message, MessageKind, MessageState

log = structlog.get_logger()


class BeingSent(Exception):
    """The message is in a worker's hands at this moment."""


def alert(key: str, subject: str, text: str) -> None:
    """Tell the organiser; queued in the transaction that one is in, and once a day for a ``key``.

    ``subject`` and ``text`` (paragraphs with empty lines between them) are in LANGUAGE_CODE and
    name no token. Without ORGANISER_EMAIL there is only the log line.
    """
    settings = config.current()
    if settings.organiser_email is None:
        log.warning("📣 Organiser alerted", about=key, subject=subject, mail="no ORGANISER_EMAIL")
        return
    with transaction.atomic():
        message, is_new = Message.objects.get_or_create(
            key=f"{key[:240]} {timezone.localdate()}",
            defaults={
                "kind": MessageKind.ORGANISER_ALERT,
                "recipient": settings.organiser_email,
                "locale": settings.language_code,
                "context": {"subject": subject, "text": text},
            },
        )
        if not is_new:
            return
        _carry(message)
        transaction.on_commit(
            lambda: log.warning(
                "📣 Organiser alerted", about=key, subject=subject, message=message.pk
            )
        )


def send_again(message_id: int) -> None:
    """Send a message now, whatever became of it before. Raises BeingSent.

    A registrant's goes to the address that the registration has now: it may have been put right.
    """
    with transaction.atomic():
        free = Message.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        message = free.select_related("registration").filter(pk=message_id).first()
        if message is None:
            raise BeingSent
        message.state, message.attempts = MessageState.QUEUED, 0
        message.next_try_at = timezone.now()
        message.recipient = _address(message)
        message.save(update_fields=["state", "attempts", "next_try_at", "recipient"])
        _carry(message)


def _address(message: Message) -> str:
    if message.kind in FOR_ORGANISERS:
        return config.current().organiser_email or message.recipient
    return message.registration.contact_email if message.registration else message.recipient


def confirm_again(registration: Registration) -> None:
    """Send a confirmed registration its confirmation, even if it was never queued.

    It is the one there is, never a second one. Raises BeingSent.
    """
    message, _ = Message.objects.get_or_create(
        registration=registration,
        kind=MessageKind.CONFIRMED,
        defaults={"recipient": registration.contact_email, "locale": registration.locale},
    )
    send_again(message.pk)


def _carry(message: Message) -> None:
    """The job is named, not imported: it is what calls us."""
    task = app.configure_task("inscrit.mail.tasks.deliver", queue="mail")
    task.defer(message_ids=[message.pk])
