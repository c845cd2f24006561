"""What an event is at this moment, in the words of the desk, and what a secretary can do then."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .models import Event, EventStatus

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class State(Enum):
    """Its value is also the CSS class of its tag."""

    DRAFT = "draft"
    ON_SALE = "on-sale"
    SOLD_OUT = "sold-out"
    CLOSED = "closed"
    STOPPED = "stopped"
    OVER = "over"
    CANCELLED = "cancelled"

    @property
    def label(self) -> "_StrPromise":
        return LABELS[self]

    @property
    def help(self) -> "_StrPromise":
        return HELP[self]


LABELS = {
    State.DRAFT: _("Draft"),
    State.ON_SALE: pgettext_lazy("event", "Open"),
    State.SOLD_OUT: _("Sold out"),
    State.CLOSED: pgettext_lazy("event", "Closed"),
    State.STOPPED: _("Stopped"),
    State.OVER: _("Over"),
    State.CANCELLED: pgettext_lazy("event", "Cancelled"),
}
HELP = {
    State.DRAFT: _(
        "Nobody but you sees it. Look at it as families will, then publish it: from that moment on"
        " they can register."
    ),
    State.ON_SALE: _(
        "Families can register and pay. There is nothing to do: places, payments and e-mails go by"
        " themselves. Send families the address of the public page."
    ),
    State.SOLD_OUT: _(
        "All places are taken or held, or all that there are at each price. A place that is not"
        " paid in time comes free by itself. If you have more room, raise the number of places, or"
        " of a price, below."
    ),
    State.CLOSED: _(
        "Nobody can register any more; who has a place keeps it. You can print the attendance list,"
        " or open registration again."
    ),
    State.STOPPED: _(
        "Inscrit counted places that do not add up, and stopped the sale to be safe. Tell whoever"
        " installed it; the reason stands below."
    ),
    State.OVER: _(
        "It has taken place. You can still give money back and export the list; “Duplicate” makes"
        " next year’s event from it."
    ),
    State.CANCELLED: _(
        "It does not take place. Everybody is told, and the money goes back by itself."
    ),
}


def state_of(event: Event, now: datetime) -> State:
    if event.status == EventStatus.CANCELLED:
        return State.CANCELLED
    if event.status == EventStatus.DRAFT:
        return State.DRAFT
    if event.sales_stopped_at is not None:
        return State.STOPPED
    if event.ends_at <= now:
        return State.OVER
    if event.sales_close_at <= now:
        return State.CLOSED
    return State.SOLD_OUT if event.left == 0 else State.ON_SALE
