"""Accounts made on the command line, by the same rules as those made in the admin."""

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import translation

from inscrit.api.models import Role

from . import roles


class NotMade(Exception):
    """The account can't be as it was wished; the message says why."""


def create(username: str, email: str, password: str, role: Role | None) -> None:
    """With a role what that role may do, without one everything. Raises NotMade."""
    user = User(username=username, email=email, is_staff=True, is_superuser=role is None)
    user.set_password(password)
    with translation.override("en"):
        try:
            user.full_clean()
        except ValidationError as error:
            said = (f"{field}: {' '.join(why)}" for field, why in error.message_dict.items())
            raise NotMade(" ".join(said)) from None
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise NotMade(" ".join(error.messages)) from None
    # As in the admin: the link for a new password goes there.
    if email and User.objects.filter(email__iexact=email).exists():
        raise NotMade("email: another account has this address.")
    user.save()
    if role is not None:
        roles.give(user, role)
