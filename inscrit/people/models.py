"""Who tried to log in, and the second factor of whoever has one."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class LoginAttempt(models.Model):
    """One try to log in, with a password or with a code. Shared by all processes.

    ``account`` is the name of an account, or a fingerprint of what was typed that is none:
    people type their password there, too.
    """

    class Step(models.TextChoices):
        PASSWORD = "password", _("Password")
        CODE = "code", _("Code of the second factor")

    account = models.CharField(_("account"), max_length=160)
    address = models.GenericIPAddressField(_("from"), null=True, blank=True)
    step = models.CharField(_("step"), max_length=16, choices=Step.choices, default=Step.PASSWORD)
    succeeded = models.BooleanField(_("succeeded"))
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("login")
        verbose_name_plural = _("logins")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["account", "-at"], name="login_by_account"),
            models.Index(fields=["address", "-at"], name="login_by_address"),
        )
        constraints = (
            models.CheckConstraint(
                name="login_step_is_known", condition=Q(step__in=["password", "code"])
            ),
        )

    def __str__(self) -> str:
        return self.account


def new_salt() -> str:
    return secrets.token_urlsafe(18)


class SecondFactor(models.Model):
    """An app on a person's phone that shows a code for every half minute (TOTP, RFC 6238).

    Its secret is derived from ``salt``. ``last_step`` is the last half minute whose code was
    taken: none counts twice.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="second_factor", primary_key=True
    )
    salt = models.CharField(max_length=40, default=new_salt)
    confirmed_at = models.DateTimeField(_("in use since"), null=True, blank=True)
    last_step = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def __str__(self) -> str:
        return str(self.user_id)


class RecoveryCode(models.Model):
    """Opens once where the phone is lost. Only its fingerprint is kept; it is deleted when used."""

    factor = models.ForeignKey(SecondFactor, models.CASCADE, related_name="recovery_codes")
    fingerprint = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        constraints = (
            models.UniqueConstraint(
                fields=["factor", "fingerprint"], name="recovery_code_is_unique"
            ),
        )

    def __str__(self) -> str:
        return self.fingerprint[:8]
