"""What the watchdog found, each time it looked."""

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _


class AuditRun(models.Model):
    """One look at the five invariants. ``counts`` has the number of breaches of each;
    ``breaches`` tells them in words, the first ones if there are very many.
    """

    at = models.DateTimeField(_("when"))
    seconds = models.FloatField(_("seconds"))
    counts = models.JSONField(_("breaches by invariant"))
    breaches = models.JSONField(_("breaches"))

    class Meta:
        verbose_name = _("audit")
        verbose_name_plural = _("audits")
        ordering = ("-id",)

    def __str__(self) -> str:
        return date_format(timezone.localtime(self.at), "SHORT_DATETIME_FORMAT")

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def keys(self) -> set[str]:
        """What the breaches told are known by."""
        return {breach["key"] for breach in self.breaches}


class Health(AuditRun):
    """Has no rows of its own: the page of the main numbers, with a permission to see it."""

    class Meta:
        proxy = True
        verbose_name = _("health")
        verbose_name_plural = _("health")
