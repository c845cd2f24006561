"""What was forgotten, and when: the numbers, not the data."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Purge(models.Model):
    """One night's purge. ``events_until``: the bodies of Stripe events received before are gone;
    ``counts`` says how much of each kind was forgotten.
    """

    at = models.DateTimeField(_("when"), auto_now_add=True)
    events_until = models.DateTimeField(_("Stripe events received before"))
    counts = models.JSONField(_("forgotten"), default=dict)

    class Meta:
        verbose_name = _("purge")
        verbose_name_plural = _("purges")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d}"
