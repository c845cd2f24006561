"""Turning a message of the outbox into a mail, as text and HTML."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import encoders
from email.mime.base import MIMEBase
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string, select_template
from django.utils import timezone, translation
from django.utils.text import Truncator

from inscrit import config
from inscrit.registrations.models import Participant, Registration
from inscrit.waiting.models import WaitingEntry

from . import attachments, kinds, unsubscribing
from .attachments import Attachment
from .illustrated import Mail
from .letterhead import letterhead
from .models import FOR_ORGANISERS, Message

LONGEST_SUBJECT = 77  # RFC 5322, 2.1.1: lines should have no more than 78 characters


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """A letter with what goes along."""

    letter: Letter
    files: tuple[Attachment, ...] = ()


def compose(message: Message) -> Mail:
    """The mail in its reader's language. Raises kinds.UnknownKind.

    Its Message-ID stays the same when it is sent again after a crash, so that a mailbox can see
    that it is the same one. Only when a person sends it once more it is a new one.
    """
    return packed(message, written(message))


def written(message: Message) -> Parcel:
    """What a message says if it is sent now. Raises kinds.UnknownKind."""
    kind, registration = kinds.of(message.kind), message.registration
    with as_its_reader(message.locale, registration or message.waiting):
        context: dict[str, Any] = {}
        if registration is not None:
            link = config.current().public_url + registration.get_absolute_url()
            context = about(registration, registration.participants.all(), link)
        if kind.optional:
            context["no_more"] = unsubscribing.address(message)
        letter = fill_in(kind.name, {**context, **kind.context(message)})
        return Parcel(letter, tuple(attachments.of(message)))


def packed(message: Message, parcel: Parcel) -> Mail:
    reach = letterhead().reach
    mail = Mail(
        subject=parcel.letter.subject,
        body=parcel.letter.text,
        to=[message.recipient],
        # The organiser's own mails are answered to nobody.
        reply_to=[reach] if reach and message.kind not in FOR_ORGANISERS else None,
        headers=_headers(message),
    )
    mail.attach_alternative(parcel.letter.html, "text/html")
    for file in parcel.files:
        if file.inline:
            mail.pictures.append(_part(file))
        else:
            mail.attach(_part(file))
    return mail


def _headers(message: Message) -> dict[str, str]:
    host = config.current().public_host
    about = message.registration_id or message.waiting_id or "organiser"
    again = f".{message.times_sent}" if message.times_sent else ""
    headers = {
        "Message-ID": f"<{message.pk}{again}.{about}@{host}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834
        "Content-Language": message.locale,
    }
    if kinds.of(message.kind).optional:
        headers |= unsubscribing.headers(message)
    return headers


def _part(file: Attachment) -> MIMEBase:
    part = MIMEBase(*file.mime_type.split("/", 1))
    part.set_payload(file.content)
    encoders.encode_base64(part)
    part.add_header("Content-Disposition", "inline" if file.inline else "attachment")
    part.set_param("filename", file.name, "Content-Disposition")
    if file.inline:
        part.add_header("Content-ID", f"<{file.inline}>")
    return part


def about(
    registration: Registration, participants: Iterable[Participant], link: str
) -> dict[str, Any]:
    """What every mail about a registration shows."""
    return {
        "registration": registration,
        "event": registration.event,
        "participants": participants,
        "reader": registration.contact_name,
        "url": link,
    }


def fill_in(kind: str, context: Mapping[str, Any]) -> Letter:
    """A kind's templates, in the language and the time zone that are active."""
    given = {
        "kind": kind,
        "letterhead": letterhead(),
        "button": kinds.of(kind).button,
        "for_organiser": kind in FOR_ORGANISERS,
        **context,
    }
    given["title"], given["paragraphs"] = _words(kind, given)
    subject = render_to_string(f"mail/{kind}.subject.txt", given)
    text = select_template([f"mail/{kind}.txt", "mail/base.txt"]).render(given)
    html = select_template([f"mail/{kind}.html", "mail/base.html"]).render(given)
    return Letter(_one_line(subject), _tidy(text), html)


def _words(kind: str, given: dict[str, Any]) -> tuple[str, list[str]]:
    """The title and the paragraphs, the same for text and HTML; nothing for who writes both."""
    template = select_template([f"mail/{kind}.words.txt", "mail/no_words.txt"])
    title, *paragraphs = re.split(r"\n\s*\n", template.render(given).strip())
    return title, [text for one in paragraphs if (text := one.strip())]


@contextmanager
def as_its_reader(locale: str, about: Registration | WaitingEntry | None) -> Iterator[None]:
    """In the reader's language, at the event's time."""
    zone = ZoneInfo(about.event.time_zone) if about else None
    with translation.override(locale), timezone.override(zone):
        yield


def _one_line(subject: str) -> str:
    # Not split(): spaces that do not break stay what they are.
    return str(Truncator(re.sub(r"[ \t\r\n]+", " ", subject).strip(" ")).chars(LONGEST_SUBJECT))


def _tidy(text: str) -> str:
    """No blanks at the end of a line, and never more than one empty line."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
