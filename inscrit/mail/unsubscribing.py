"""Asking for no more mails of a kind: a link that only the mail's reader has.

https://www.rfc-editor.org/rfc/rfc8058
"""

from django.core import signing
from django.utils.crypto import constant_time_compare

from inscrit import config

from . import kinds
from .models import Message, Unsubscribed

_signer = signing.Signer(salt="inscrit.mail.no-more")


def token(message: Message) -> str:
    return _signer.signature(str(message.pk))


def address(message: Message) -> str:
    """Where the reader of this message can ask for no more."""
    return f"{config.current().public_url}/no-more-mail/{message.pk}/{token(message)}"


def headers(message: Message) -> dict[str, str]:
    return {
        "List-Unsubscribe": f"<{address(message)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def opened(message_id: int, its_token: str) -> Message | None:
    """The message that a link belongs to, if it is a true one and of a kind one can do without."""
    message = Message.objects.filter(pk=message_id).first()
    if message is None or not constant_time_compare(its_token, token(message)):
        return None
    return message if kinds.of(message.kind).optional else None


def no_more(message: Message) -> None:
    """From now on its recipient gets no mails of its kind. Asking twice does no harm."""
    Unsubscribed.objects.bulk_create(
        [Unsubscribed(address=message.recipient, kind=message.kind)], ignore_conflicts=True
    )
