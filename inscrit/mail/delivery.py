"""Handing the outbox to the mail server: once, and again and again until it is taken."""

import re
from datetime import timedelta
from enum import Enum, auto
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

import structlog
from django.db import OperationalError, transaction
from django.utils import timezone, translation
from psycopg.errors import LockNotAvailable

from inscrit import config

from . import enclosures, kinds, services, unsubscribing
from .composing import Parcel, packed, written
from .models import FOR_ORGANISERS, WAITING, Message, MessageState, Sending

log = structlog.get_logger()

# Minutes to wait after each failure; the last one is kept to. Some three days in all.
DELAYS = (1, 2, 5, 10, 30, 60, 120)
MOST_ATTEMPTS = 40
# What the server refuses for good (an address that is none) is told to people soon: after some
# twenty minutes, which is enough for a server that was only set up wrong for a moment.
MOST_REFUSALS = 5
MOST_AT_ONCE = 500
LONGEST_ERROR = 300
NOTHING_IS_TAKEN = (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPHeloError,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


class Delivery(Enum):
    """What became of one try."""

    DONE = auto()
    POSTPONED = auto()
    IN_HAND = auto()  # somebody else is sending it, or what comes before it
    UNREACHABLE = auto()  # nothing else would be taken now either


def waiting() -> list[int]:
    """The messages to be sent now that no job has in hand."""
    due = Message.objects.filter(state__in=WAITING, next_try_at__lte=timezone.now())
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


def deliver(message_id: int) -> Delivery:
    """Send a message, but first what waits for the same registration from before.

    A confirmation that was held up must not arrive after the cancellation.
    Raises Message.DoesNotExist.
    """
    for earlier in _waiting_before(message_id):
        if (done := _deliver(earlier)) is not Delivery.DONE:
            return done  # the sweep comes back to both
    return _deliver(message_id)


def _waiting_before(message_id: int) -> list[int]:
    message = Message.objects.get(pk=message_id)
    if message.registration_id is None or message.kind in FOR_ORGANISERS:
        return []
    earlier = Message.objects.filter(
        registration=message.registration_id,
        pk__lt=message_id,
        state__in=WAITING,
    )
    to_registrant = earlier.exclude(kind__in=FOR_ORGANISERS)
    return list(to_registrant.order_by("pk").values_list("pk", flat=True))


def _deliver(message_id: int) -> Delivery:
    """Send one message, once. A failure is kept with it, and tried again.

    Two workers never have the same message: its row is locked while it is being sent.
    """
    unprepared = _prepare(message_id)
    with transaction.atomic():
        message = _locked(message_id)
        if message is None:
            return Delivery.IN_HAND
        if message.state not in WAITING or _is_needless(message):
            return Delivery.DONE
        message.attempts += 1
        try:
            parcel = _hand_over(message, unprepared)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next message must go out
            _postpone(message, error)
            return Delivery.UNREACHABLE if _is_unreachable(error) else Delivery.POSTPONED
        message.state, message.error, message.sent_at = MessageState.SENT, "", timezone.now()
        message.times_sent += 1
        message.save(update_fields=["state", "error", "attempts", "sent_at", "times_sent"])
        _keep(message, parcel)
    log.info(f"✉️  Mail sent: {message.kind}", **_details(message))
    return Delivery.DONE


def _locked(message_id: int) -> Message | None:
    """None if it is being sent by somebody else, to a server that is slow. Raises DoesNotExist."""
    known = Message.objects.select_related("registration__event", "waiting__event")
    try:
        with transaction.atomic():
            return known.select_for_update(of=("self",), no_key=True).get(pk=message_id)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return None
        raise


def _is_needless(message: Message) -> bool:
    """What would tell nothing any more is not sent, and says why."""
    with translation.override(config.current().language_code):
        message.error = services.why_needless(message)
    if not message.error:
        return False
    message.state = MessageState.SENT if message.times_sent else MessageState.DROPPED
    message.save(update_fields=["state", "error"])
    log.info(f"✉️  Mail not needed any more: {message.kind}", **_details(message))
    return True


def _keep(message: Message, parcel: Parcel) -> None:
    """The words as they went out; but what opens a registration is for its registrant alone."""
    if kinds.of(message.kind).secret:
        return
    letter = parcel.letter
    Sending.objects.create(
        message=message,
        at=message.sent_at or timezone.now(),
        recipient=message.recipient,
        subject=letter.subject,
        text=without_keys(letter.text, message),
        html=without_keys(letter.html, message),
        attachments=", ".join(file.name for file in parcel.files),
    )


def without_keys(text: str, message: Message) -> str:
    """Without what opens the reader's own page, and what asks for no more mails in their name."""
    about = message.registration or message.waiting
    for key in (unsubscribing.token(message), about.token if about else ""):
        text = text.replace(key, "…") if key else text
    return text


def _prepare(message_id: int) -> Exception | None:
    """What its enclosures need for good, before it is sent; why that could not be done."""
    try:
        enclosures.prepare(message_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, the next message must go out
        return error
    return None


def _hand_over(message: Message, unprepared: Exception | None) -> Parcel:
    """To the mail server; what it was given."""
    if unprepared:
        raise unprepared
    parcel = written(message)
    packed(message, parcel).send()
    return parcel


def _postpone(message: Message, error: Exception) -> None:
    most = MOST_REFUSALS if _is_refused_for_good(error) else MOST_ATTEMPTS
    final = message.attempts >= most
    message.state = MessageState.FAILED if final else MessageState.RETRYING
    message.error = explained(error)
    message.times_failed += 1
    delay = DELAYS[min(message.attempts, len(DELAYS)) - 1]
    message.next_try_at = timezone.now() + timedelta(minutes=delay)
    message.save(update_fields=["state", "error", "attempts", "next_try_at", "times_failed"])
    ours = not isinstance(error, SMTPException | OSError)
    log.warning(
        f"✉️  Mail not sent: {message.kind}",
        state=str(message.state),
        error=message.error,
        exc_info=error if ours else None,
        **_details(message),
    )


def _details(message: Message) -> dict[str, str | int]:
    named = {"registration": message.registration_id, "waiting": message.waiting_id}
    about = {name: known for name, known in named.items() if known}
    return {**about, "message": message.pk, "attempts": message.attempts}


def _is_unreachable(error: Exception) -> bool:
    """There is no mail server at the other end, or it takes nothing at all from us."""
    if isinstance(error, SMTPException):
        return isinstance(error, NOTHING_IS_TAKEN)
    return isinstance(error, OSError)


def _is_refused_for_good(error: Exception) -> bool:
    """The recipient or the content is refused, and not only for now (RFC 5321, 4.2.1: 5yz)."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= 500 for code, _answer in error.recipients.values())
    return isinstance(error, SMTPDataError) and error.smtp_code >= 500


def explained(error: Exception) -> str:
    """What the outbox keeps of a failure: enough to act on, without addresses or our own texts."""
    if isinstance(error, SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
        return _cut(f"{code} {_text(answer)}")
    if isinstance(error, SMTPResponseException):
        return _cut(f"{error.smtp_code} {_text(error.smtp_error)}")
    if isinstance(error, SMTPException):
        return _cut(f"{type(error).__name__} {error}")
    if isinstance(error, OSError) and error.strerror:
        return _cut(f"{type(error).__name__}: {error.strerror}")
    return type(error).__name__


def _text(answer: bytes | str) -> str:
    return answer if isinstance(answer, str) else answer.decode("utf-8", "replace")


def _cut(text: str) -> str:
    return " ".join(_ADDRESS.sub("…", text).split())[:LONGEST_ERROR]
