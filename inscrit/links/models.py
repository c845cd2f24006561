"""Who asked for a link to their registrations. Kept for a day."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.registrations.models import Registration


class LinkRequest(models.Model):
    """One request. ``who`` and ``origin`` are fingerprints of the e-mail and network addresses:
    enough to count by, and nothing to read. ``registration`` is one of those with that address;
    None where nobody has registered with it.
    """

    who = models.CharField(_("who"), max_length=64)
    origin = models.CharField(_("from where"), max_length=64)
    registration = models.ForeignKey(
        Registration,
        models.CASCADE,
        related_name="+",
        verbose_name=_("registration"),
        null=True,
        blank=True,
    )
    locale = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    asked_at = models.DateTimeField(_("asked on"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("link asked for")
        verbose_name_plural = _("links asked for")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["who", "asked_at"], name="link_request_by_who"),
            models.Index(fields=["origin", "asked_at"], name="link_request_by_origin"),
            models.Index(fields=["asked_at"], name="link_request_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d %H:%M}"
