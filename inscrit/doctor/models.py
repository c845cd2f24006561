"""Who may look at the set-up, and have it checked: permissions, and no table."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SetUp(models.Model):
    """To change it means to have it checked thoroughly: that sends a mail and a ping."""

    class Meta:
        managed = False
        default_permissions = ("view", "change")
        verbose_name = _("set-up")
        verbose_name_plural = _("set-up")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)
