"""Links by which a person sets a password, sent through the outbox.

The link is made when the mail is written: the outbox holds none, and it works for three days from
then. It stops working once the password was changed or the person logged in.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext_lazy as _

from inscrit import config
from inscrit.mail import kinds
from inscrit.mail.kinds import Kind
from inscrit.mail.models import Message
from inscrit.mail.services import write

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import Promise

# Somebody who asks again and again fills no mailbox.
PAUSE = timedelta(minutes=2)
PASSWORD_LINK = "password_link"  # noqa: S105 - a kind of mail
INVITATION = "invitation"


def send_link(user: User) -> None:
    """To whoever forgot the password; not again within two minutes."""
    recent = Message.objects.filter(
        kind=PASSWORD_LINK,
        context__user=user.pk,
        created_at__gt=timezone.now() - PAUSE,
    )
    if not recent.exists():
        _send(user, PASSWORD_LINK)


def invite(user: User) -> None:
    """To somebody who has an account now, and no password yet."""
    _send(user, INVITATION)


def teach_the_outbox() -> None:
    """How the mails of this room are written."""
    for name, label in (
        (PASSWORD_LINK, _("Link for a new password")),
        (INVITATION, _("Invitation to the staff")),
    ):
        button = _("Set my password")
        kinds.register(
            Kind(name, label, button=button, context=_context, needless=_nobody, secret=True)
        )


def _send(user: User, kind: str) -> None:
    locale = (translation.get_language() or "")[:2]
    write(
        kind,
        user.email,
        locale if locale in config.LANGUAGES else config.current().language_code,
        key=f"{kind} {user.pk} {timezone.now().isoformat()}",
        context={"user": user.pk},
    )


def _users(message: Message) -> "QuerySet[User]":
    return User.objects.filter(pk=message.context["user"], is_active=True)


def _nobody(message: Message) -> "Promise | None":
    return None if _users(message).exists() else _("The account is switched off, or no more there.")


def _context(message: Message) -> dict[str, Any]:
    user = _users(message).get()
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("people:set-password", args=[uid, default_token_generator.make_token(user)])
    return {
        "user": user,
        "reader": user.get_full_name() or user.get_username(),
        "url": config.current().public_url + path,
    }
