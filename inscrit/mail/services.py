"""What can be asked of the outbox: a message, that it goes out again, or that it never does."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from procrastinate.contrib.django import app

from inscrit import config
from inscrit.registrations import services as registrations
from inscrit.registrations.lifecycle import CONFIRMED
from inscrit.registrations.models import Registration
from inscrit.sql import Statement, statements

from . import kinds
from .models import FOR_ORGANISERS, WAITING, Message, MessageKind, MessageState

SQL = statements(Path(__file__).parent / "sql" / "outbox.sql")
MOST_AT_ONCE = 500
MOST_TOLD = 20
log = structlog.get_logger()


class BeingSent(Exception):
    """The message is in a worker's hands at this moment."""


class NotNeeded(Exception):
    """Nobody needs the message any more; the text says why."""


def queue(
    kind: str,
    registration_ids: Sequence[str],
    *,
    entries: Sequence[str] = (),
    key: str,
    context: Mapping[str, Any] | None = None,
) -> int:
    """Write to the registrants, and to who waits with one of the ``entries``, each once for a
    ``key``; how many messages are new.

    Queued in the transaction that one is in. Whoever wants no more of the kind gets none.
    """
    parameters = {
        "kind": str(kind),
        "registrations": list(registration_ids),
        "entries": list(entries),
        "key": key,
        "context": msgspec.json.encode(context or {}).decode(),
    }
    (rows,) = registrations.run([Statement(SQL["queue"], parameters)])
    return int(rows[0][0])


def write(
    kind: str, recipient: str, locale: str, *, key: str, context: Mapping[str, Any] | None = None
) -> Message | None:
    """Write to somebody who has no registration, once for a ``key``; None if it was written before.

    Queued in the transaction that one is in.
    """
    with transaction.atomic():
        message, is_new = Message.objects.get_or_create(
            key=key[:255],
            defaults={
                "kind": kind,
                "recipient": recipient,
                "locale": locale,
                "context": dict(context or {}),
            },
        )
        if is_new:
            _carry(message)
    return message if is_new else None


def why_needless(message: Message) -> str:
    """Why nobody needs this message any more, in the language that is active; or an empty text."""
    if message.kind not in {kind.name for kind in kinds.known()}:
        return ""  # a newer version knows
    return str(kinds.of(message.kind).needless(message) or "")


def alert(key: str, subject: str, text: str) -> None:
    """Tell the organiser; queued in the transaction that one is in, and once a day for a ``key``.

    ``subject`` and ``text`` (paragraphs with empty lines between them) are in LANGUAGE_CODE and
    name no token. Without ORGANISER_EMAIL there is only the log line.
    """
    settings = config.current()
    if settings.organiser_email is None:
        log.warning("📣 Organiser alerted", about=key, subject=subject, mail="no ORGANISER_EMAIL")
        return
    message = write(
        MessageKind.ORGANISER_ALERT,
        settings.organiser_email,
        settings.language_code,
        key=f"{key[:240]} {timezone.localdate()}",
        context={"subject": subject, "text": text},
    )
    if message is None:
        return
    number = message.pk
    transaction.on_commit(
        lambda: log.warning("📣 Organiser alerted", about=key, subject=subject, message=number)
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
        about = message.registration_id or message.waiting_id or message.recipient
        yield f"{about}, {message.get_kind_display()}\n{message.error}"
    if len(messages) > MOST_TOLD:
        yield _("There are more. In the admin all of them stand under Messages, state Failed.")
    yield _(
        "See in the admin whether the registration’s address is right, correct it, and choose"
        " “Send again” on the message’s page."
    )


def send_again(message_id: int) -> None:
    """Send a message now, whatever became of it before. Raises BeingSent, NotNeeded.

    A registrant's goes to the address that the registration has now: it may have been put right.
    """
    with transaction.atomic():
        message = _in_nobodys_hands(message_id)
        if why := why_needless(message):
            raise NotNeeded(why)
        message.state, message.attempts = MessageState.QUEUED, 0
        message.next_try_at, message.organiser_told = timezone.now(), False
        message.recipient = _address(message)
        message.save(
            update_fields=["state", "attempts", "next_try_at", "organiser_told", "recipient"]
        )
        _carry(message)


def give_up(message_id: int, *, by: str) -> bool:
    """A message that waits or has failed is never sent; False if there is nothing to give up.

    It can still be sent again by a person. Raises BeingSent.
    """
    with transaction.atomic():
        message = _in_nobodys_hands(message_id)
        if message.state not in (*WAITING, MessageState.FAILED):
            return False
        with translation.override(config.current().language_code):
            message.error = _("Given up by %(who)s.") % {"who": by}
        message.state = MessageState.DROPPED
        message.save(update_fields=["state", "error"])
    return True


def _in_nobodys_hands(message_id: int) -> Message:
    """The message, locked. Raises BeingSent."""
    free = Message.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    message = free.select_related("registration").filter(pk=message_id).first()
    if message is None:
        raise BeingSent
    return message


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

    Raises BeingSent, NotNeeded.
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
