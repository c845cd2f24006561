"""What a place costs, for whom: adult, child, sibling …"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.amounts import DEAREST
from inscrit.money import money
from inscrit.public_ids import new_option_id

from .line import kept_for_the_line
from .wording import worded

BELOW_TAKEN = _("There are already more registrations at this price than that.")


class PriceOption(models.Model):
    """A price of an event's places, ``price`` in minor units of the event's currency.

    ``taken`` counts the places that registrations with a place, held or confirmed, have of it;
    ``waiting`` those that the waiting list wants of it. They move only with those, in the same
    transaction and under the event's lock.
    """

    id = models.CharField(primary_key=True, max_length=40, default=new_option_id, editable=False)
    event = models.ForeignKey(
        "events.Event", models.CASCADE, related_name="options", verbose_name=_("event")
    )
    name = models.CharField(_("name"), max_length=100)
    other_name = models.CharField(
        _("name in the other language"), max_length=100, blank=True, default="", db_default=""
    )
    price = models.PositiveIntegerField(_("price"))
    quota = models.PositiveIntegerField(
        _("at most"), null=True, blank=True, help_text=_("Leave empty for no limit of its own.")
    )
    taken = models.PositiveIntegerField(_("taken"), default=0, db_default=0, editable=False)
    waiting = models.PositiveIntegerField(_("wanted"), default=0, db_default=0, editable=False)
    position = models.PositiveSmallIntegerField(_("order"), default=0, db_default=0)
    active = models.BooleanField(_("offered"), default=True, db_default=True)

    class Meta:
        verbose_name = _("price option")
        verbose_name_plural = _("price options")
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                name="option_is_not_oversold",
                condition=Q(quota__isnull=True) | Q(quota__gte=F("taken")),
                violation_error_message=BELOW_TAKEN,
            ),
            models.CheckConstraint(
                name="option_price_can_be_charged", condition=Q(price__gte=0, price__lte=DEAREST)
            ),
        )

    def __str__(self) -> str:
        return self.wording()

    def wording(self, language: str | None = None) -> str:
        return worded(self.name, self.other_name, language)

    @property
    def free(self) -> int | None:
        """How many places of it nobody has; None without a quota."""
        return None if self.quota is None else self.quota - self.taken

    @property
    def remaining(self) -> int | None:
        """How many anybody can still have: those who wait, and fit, come first. None without a
        quota.
        """
        if self.free is None:
            return None
        asks = self.waiting and self.free > 0
        kept = kept_for_the_line(self.event_id).options.get(self.pk, 0) if asks else 0
        return max(0, self.free - kept)

    @property
    def is_full(self) -> bool:
        return self.remaining == 0

    @property
    def price_in_words(self) -> str:
        return money(self.price, self.event.currency) if self.price else gettext("Free")
