"""Keys for the API. Only the hash of a key is kept."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What the holder of a key may do: everything, a secretary's daily work, or only look."""

    ORGANISER = "organiser", _("Organiser")
    SECRETARY = "secretary", _("Secretary")
    READONLY = "readonly", _("Read only")


class ApiKey(models.Model):
    """One program's key. ``prefix`` is its beginning, to tell keys apart by."""

    name = models.CharField(_("name"), max_length=60)
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    prefix = models.CharField(_("begins with"), max_length=16)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("name", "-created_at")
        constraints = (
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(revoked_at__isnull=True),
                name="api_key_name_is_unique_while_active",
            ),
            models.CheckConstraint(name="api_key_role_is_known", condition=Q(role__in=Role.values)),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
