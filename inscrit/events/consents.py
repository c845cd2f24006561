"""What whoever registers is asked to agree to: terms, photos …"""

from hashlib import sha256

from django.db import models
from django.utils.translation import gettext_lazy as _

from inscrit.public_ids import new_consent_id

from .wording import worded


class Consent(models.Model):
    """A box to tick. What was agreed to is kept word for word with the registration."""

    id = models.CharField(primary_key=True, max_length=40, default=new_consent_id, editable=False)
    event = models.ForeignKey(
        "events.Event", models.CASCADE, related_name="consents", verbose_name=_("event")
    )
    text = models.TextField(_("text"), max_length=2000)
    other_text = models.TextField(
        _("text in the other language"), max_length=2000, blank=True, default="", db_default=""
    )
    required = models.BooleanField(
        _("required"),
        default=False,
        db_default=False,
        help_text=_("Nobody registers without agreeing."),
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0, db_default=0)
    active = models.BooleanField(_("asked now"), default=True, db_default=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.wording()

    def wording(self, language: str | None = None) -> str:
        return worded(self.text, self.other_text, language)

    def seal(self, language: str | None = None) -> str:
        """Another one for every wording: it says which text somebody had before their eyes."""
        return sha256(self.wording(language).encode()).hexdigest()[:16]
