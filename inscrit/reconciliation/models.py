"""Each comparison with Stripe, what it found, and how far the next one need not look back."""

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from .findings import Finding


class ReconciliationRun(models.Model):
    """One comparison; ``finished_at`` is missing if it broke off, and ``error`` says why.

    ``since`` is how far back it looked. ``cursors`` has a time for each kind of object of
    Stripe's: everything made before it has been looked at. ``checked`` counts what was looked at,
    ``differences`` the new differences of each kind, which the metrics add up. ``findings`` tells
    them all, the first ones if there are very many.
    """

    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    since = models.DateTimeField(_("looked back to"))
    cursors = models.JSONField(_("looked at until"), default=dict)
    checked = models.JSONField(_("looked at"), default=dict)
    differences = models.JSONField(_("new differences"), default=dict)
    findings = models.JSONField(_("differences"), default=list)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        # The name that dashboards and metrics know.
        db_table = "payments_reconciliationrun"
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ("-id",)

    def __str__(self) -> str:
        return date_format(timezone.localtime(self.started_at), "SHORT_DATETIME_FORMAT")

    @property
    def told(self) -> list[Finding]:
        return [Finding.from_data(data) for data in self.findings]
