"""Who may look at the set-up: a permission, and no table."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SetUp(models.Model):
    class Meta:
        managed = False
        default_permissions = ("view",)
        verbose_name = _("set-up")
        verbose_name_plural = _("set-up")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)
