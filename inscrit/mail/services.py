"""What can be asked of the outbox: an alert to the organiser, or that a message goes out again."""

from collections.abc import Iterator, Sequence

import structlog
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from procrastinate.contrib.django import app

from inscrit import config
from inscrit.registrations.lifecycle import CONFIRMED
from inscrit.registrations.models import Registration

from .models import FOR_ORGANISERS, Message, MessageKind, MessageState

MOST_AT_ONCE = 500
MOST_TOLD = 20
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


def tell_of_given_up() -> None:
    """Tell the organiser of the messages given up since the last time, all in one mail."""
    with transaction.atomic(), translation.override(config.current().language_code):
        untold = Message.objects.select_for_update(no_key=True, skip_locked=True).filter(
            state=MessageState.FAILED, organiser_told=False
        )
        given_up = list(untold.exclude(kind__in=FOR_ORGANISERS).order_by("id")[:MOST_AT_ONCE])
        if not given_up:
            return
        subject = ngettext(
            "%(n)d mail could not be delivered", "%(n)d mails could not be delivered", len(given_up)
        ) % {"n": len(given_up)}
        # Each is told once; sent again and given up again, it is told again.
        key = f"mails {given_up[0].pk}-{given_up[-1].pk} {given_up[-1].times_failed}"
        alert(key, subject, "\n\n".join(_given_up(given_up)))
        told = [message.pk for message in given_up]
        Message.objects.filter(pk__in=told).update(organiser_told=True)


def _given_up(messages: Sequence[Message]) -> Iterator[str]:
    yield _("The mail server did not take them, and they are not tried any more:")
    for message in messages[:MOST_TOLD]:
        yield f"{message.registration_id}, {message.get_kind_display()}\n{message.error}"
    if len(messages) > MOST_TOLD:
        yield _("There are more. In the admin all of them stand under Messages, state Failed.")
    yield _(
        "See in the admin whether the registration’s address is right, correct it, and choose"
        " “Send again” on the message’s page."
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
        message.next_try_at, message.organiser_told = timezone.now(), False
        message.recipient = _address(message)
        message.save(
            update_fields=["state", "attempts", "next_try_at", "organiser_told", "recipient"]
        )
        _carry(message)


def _address(message: Message) -> str:
    if message.kind in FOR_ORGANISERS:
        return config.current().organiser_email or message.recipient
    return message.registration.contact_email if message.registration else message.recipient


def confirm_again(registration: Registration) -> None:
    """Send a confirmed registration its confirmation, even if it was never queued.

    It is the one there is, never a second one. Raises BeingSent.
    """
    message, _is_new = Message.objects.get_or_create(
        registration=registration,
        kind=MessageKind.CONFIRMED,
        defaults={"recipient": registration.contact_email, "locale": registration.locale},
    )
    send_again(message.pk)


def send_latest_again(registration: Registration) -> Message | None:
    """Send the registrant's last message once more, to the address of now; None if there is none.

    Raises BeingSent.
    """
    latest = registration.messages.exclude(kind__in=FOR_ORGANISERS).order_by("-id").first()
    if latest is None and registration.status in CONFIRMED:
        confirm_again(registration)
    elif latest is not None:
        send_again(latest.pk)
    return registration.messages.exclude(kind__in=FOR_ORGANISERS).order_by("-id").first()


def _carry(message: Message) -> None:
    """The job is named, not imported: it is what calls us."""
    task = app.configure_task("inscrit.mail.tasks.deliver", queue="mail")
    task.defer(message_ids=[message.pk])
