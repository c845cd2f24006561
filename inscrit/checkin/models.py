"""Who has arrived, and who let them in."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.registrations.models import Participant


class Arrival(models.Model):
    """One participant at the entrance. Taken back, the row stays and says by whom.

    ``scan`` is what the phone calls the moment, so that a request that is sent twice counts once.
    """

    participant = models.ForeignKey(
        Participant, models.CASCADE, related_name="arrivals", verbose_name=_("participant")
    )
    at = models.DateTimeField(_("arrived"), default=timezone.now)
    by = models.CharField(_("let in by"), max_length=80)
    scan = models.CharField(_("scan"), max_length=64, blank=True, default="", db_default="")
    undone_at = models.DateTimeField(_("taken back"), null=True, blank=True)
    undone_by = models.CharField(
        _("taken back by"), max_length=80, blank=True, default="", db_default=""
    )

    class Meta:
        verbose_name = _("arrival")
        verbose_name_plural = _("arrivals")
        ordering = ("-at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["participant"],
                condition=Q(undone_at__isnull=True),
                name="participant_arrives_once",
            ),
            models.CheckConstraint(
                name="arrival_undone_by_somebody",
                condition=Q(undone_at__isnull=True, undone_by="")
                | (Q(undone_at__isnull=False) & ~Q(undone_by="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.participant_id} {self.at:%Y-%m-%d %H:%M}"
