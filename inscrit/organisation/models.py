"""Who organises: one row at most, written by an organiser in the admin."""

from django.db import models
from django.utils.translation import gettext_lazy as _

NAMELESS = "Inscrit"


class Organisation(models.Model):
    """The school, club or association behind the events. All of it may be empty."""

    THE_ONE = 1

    id = models.SmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    name = models.CharField(
        _("name"), max_length=120, blank=True, help_text=_("It stands at the top of every page.")
    )
    address = models.TextField(
        _("postal address"), max_length=500, blank=True, help_text=_("As on an envelope.")
    )
    registration_number = models.CharField(
        _("registration number"),
        max_length=120,
        blank=True,
        help_text=_("With its kind, as it shall stand on receipts: SIRET 123 456 789 00012."),
    )
    tax_note = models.CharField(
        _("note on taxes"),
        max_length=300,
        blank=True,
        help_text=_("Stands under the total of receipts: “TVA non applicable, art. 293 B du CGI”."),
    )
    contact_email = models.EmailField(
        _("e-mail for questions"),
        blank=True,
        help_text=_("Shown to everybody, on pages, in mails and on receipts."),
    )

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisation")
        constraints = (
            models.CheckConstraint(name="there_is_one_organisation", condition=models.Q(id=1)),
        )

    def __str__(self) -> str:
        return self.name or NAMELESS

    @classmethod
    def current(cls) -> "Organisation":
        """The one there is; a blank one before anybody wrote it."""
        return cls.objects.first() or cls()
