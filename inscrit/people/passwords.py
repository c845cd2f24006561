"""Links by which a person sets a password, sent through the outbox.

The link is made when the mail is written: the outbox holds none, and it works for three days from
then. It stops working once the password was changed or the person logged in.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from inscrit import config
from inscrit.mail import composing
from inscrit.mail.models import Message, MessageKind
from inscrit.mail.services import send_again

# Somebody who asks again and again fills no mailbox.
PAUSE = timedelta(minutes=2)


def send_link(user: User) -> None:
    """To whoever forgot the password; not again within two minutes."""
    recent = Message.objects.filter(
        kind=MessageKind.PASSWORD_LINK,
        context__user=user.pk,
        created_at__gt=timezone.now() - PAUSE,
    )
    if not recent.exists():
        _send(user, MessageKind.PASSWORD_LINK)


def invite(user: User) -> None:
    """To somebody who has an account now, and no password yet."""
    _send(user, MessageKind.INVITATION)


def teach_the_outbox() -> None:
    """How the mails of this room are written."""
    composing.CONTEXTS[MessageKind.PASSWORD_LINK] = _context
    composing.CONTEXTS[MessageKind.INVITATION] = _context


def _send(user: User, kind: MessageKind) -> None:
    locale = (translation.get_language() or "")[:2]
    with transaction.atomic():
        message = Message.objects.create(
            kind=kind,
            recipient=user.email,
            locale=locale if locale in config.LANGUAGES else config.current().language_code,
            context={"user": user.pk},
        )
        send_again(message.pk)


def _context(message: Message) -> dict[str, Any]:
    user = User.objects.get(pk=message.context["user"], is_active=True)
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("people:set-password", args=[uid, default_token_generator.make_token(user)])
    return {"user": user, "site": config.current().public_url, "path": path}
