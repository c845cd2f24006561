"""How far back to look, and in what steps."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Period:
    """``shown`` is the format of a time below a chart."""

    name: str
    label: Promise
    span: timedelta
    step: timedelta
    shown: str

    @property
    def steps(self) -> int:
        return self.span // self.step

    def times(self, since: datetime) -> list[str]:
        """When each step begins, in the installation's time zone."""
        begins = (timezone.localtime(since + self.step * n) for n in range(self.steps))
        return [formats.date_format(one, self.shown) for one in begins]


PERIODS = (
    Period("hour", _("Last hour"), timedelta(hours=1), timedelta(minutes=5), "H:i"),
    Period("day", _("Last day"), timedelta(days=1), timedelta(hours=1), "H:i"),
    Period("week", _("Last week"), timedelta(days=7), timedelta(hours=6), "D H:i"),
)


def named(name: str | None) -> Period:
    """The period of this name, else the last day."""
    return next((one for one in PERIODS if one.name == name), PERIODS[1])
