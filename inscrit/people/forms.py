"""Logging in, one try at a time; asking for a new password; the code of the second factor."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from inscrit.networks import network_of

from . import passwords, second_factor, throttle
from .models import LoginAttempt, SecondFactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def address_of(request: HttpRequest | None) -> str | None:
    """Where somebody comes from; None behind a proxy of ours that does not tell."""
    said = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    network = network_of(said)
    return network.partition("/")[0] if network else None


def tried(
    account: str, request: HttpRequest | None, step: LoginAttempt.Step, check: "Callable[[], bool]"
) -> bool:
    """Make one try, if it is not too early for it, and note what came of it.

    Raises ValidationError with how long to wait.
    """
    address = address_of(request)
    with transaction.atomic():
        alone = throttle.alone(account)
        if wait := throttle.seconds_to_wait(account, address, step) if alone else 1:
            raise ValidationError(
                ngettext(
                    "Too many tries. Wait %(n)d second, then try again.",
                    "Too many tries. Wait %(n)d seconds, then try again.",
                    wait,
                )
                % {"n": wait},
                code="too_many_tries",
            )
        succeeded = check()
        throttle.note(account, address, step, succeeded=succeeded)
    return succeeded


class LoginForm(AdminAuthenticationForm):
    """Django's, slowed down for whoever guesses."""

    error_messages = {  # noqa: RUF012 - Django names it so
        "invalid_login": _("No account of the team has this name and this password."),
        "inactive": _("No account of the team has this name and this password."),
    }

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data.get("username")
        if not typed or not self.cleaned_data.get("password"):
            return super().clean()
        wrong: list[ValidationError] = []

        def check() -> bool:
            try:
                super(LoginForm, self).clean()
            except ValidationError as error:
                wrong.append(error)
            return not wrong

        account = throttle.account_of(typed)
        if not tried(account, self.request, LoginAttempt.Step.PASSWORD, check):
            raise wrong[0]
        return self.cleaned_data


class NewPasswordForm(PasswordResetForm):
    """Asks for the link; whether there is such an account, nobody learns here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail")

    def get_users(self, email: str) -> "Iterator[User]":
        """Also whoever was invited and has no password yet: their link may have lapsed.

        The database's comparison takes some letters for others; a mail server does not.
        """
        known = User.objects.filter(email__iexact=email, is_active=True)
        return (one for one in known if one.email.casefold() == email.casefold())

    def save(self, *_said: Any, **_named: Any) -> None:
        for user in self.get_users(self.cleaned_data["email"]):
            passwords.send_link(user)


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "off", "autofocus": True}
        ),
    )

    def __init__(self, factor: SecondFactor, request: HttpRequest, **said: Any) -> None:
        self._factor = factor
        self._request = request
        super().__init__(**said)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        account = self._factor.user.get_username()
        if not tried(account, self._request, LoginAttempt.Step.CODE, lambda: self._opens(code)):
            raise ValidationError(_("This code does not open. Wait for the next one and try it."))
        return code

    def _opens(self, code: str) -> bool:
        return second_factor.check(self._factor, code)


class FirstCodeForm(CodeForm):
    """The code that shows that the phone knows the secret; ``recovery_codes`` come of it."""

    def _opens(self, code: str) -> bool:
        digits = "".join(code.split())
        self.recovery_codes = second_factor.confirm(self._factor, digits)
        return bool(self.recovery_codes)
