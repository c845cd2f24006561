"""What is said about the places of an event, here and by live.js as they move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _

from inscrit.events.models import Event
from inscrit.registrations.models import Registration, RegistrationStatus

# A hold that ends later than this (a cheque's, say) is no reason to wait at the screen.
SOON = timedelta(hours=12)
MOST_FOLLOWED = 100  # what the live lane takes in one stream


@dataclass(frozen=True, slots=True)
class Places:
    """``remaining`` None: without limit. ``next_release_at``: when the next hold may lapse."""

    FEW: ClassVar = 5

    remaining: int | None
    next_release_at: datetime | None = None

    @property
    def sold_out(self) -> bool:
        return self.remaining is not None and self.remaining <= 0

    @property
    def few(self) -> bool:
        return self.remaining is not None and self.remaining <= self.FEW

    @property
    def phrases(self) -> dict[str, str]:
        """Every sentence that live.js may need, by the name of the case."""
        return {
            "many": _("{n} places left"),
            "few": _("Last {n} places"),
            "one": _("Last place"),
            "none": _("Sold out"),
            "next": _("Sold out: the next place may come free at {time}"),
            "clock": _("{hour}:{minute}"),
        }

    def sentence(self) -> str:
        """In the time zone that is active; empty without limit."""
        phrases = self.phrases
        if self.remaining is None:
            return ""
        if self.sold_out:
            return self._sold_out(phrases)
        case = "many" if self.remaining > self.FEW else "few" if self.remaining > 1 else "one"
        return phrases[case].format(n=self.remaining)

    def _sold_out(self, phrases: dict[str, str]) -> str:
        now = timezone.now()
        if self.next_release_at is None or not now < self.next_release_at < now + SOON:
            return phrases["none"]
        local = timezone.localtime(self.next_release_at)
        clock = phrases["clock"].format(hour=local.hour, minute=f"{local.minute:02}")
        return phrases["next"].format(time=clock)


def places_of_all(events: Sequence[Event]) -> dict[str, Places]:
    """The places of these events now, by their ids."""
    left = {event.pk: event.left for event in events}
    full = [event_id for event_id, places in left.items() if places == 0]
    lapses = dict(
        Registration.objects.filter(event__in=full, status=RegistrationStatus.PENDING)
        .values_list("event_id")
        .annotate(at=Min("hold_expires_at"))
        if full
        else ()
    )
    return {event_id: Places(places, lapses.get(event_id)) for event_id, places in left.items()}


def stream_of(places: Mapping[str, Places]) -> str:
    """The address of one stream for all of these that have a limit; empty if none has."""
    limited = [event_id for event_id, those in places.items() if those.remaining is not None]
    return f"/api/v1/places/stream?events={','.join(limited[:MOST_FOLLOWED])}" if limited else ""


def places_of(event: Event) -> Places:
    """The event's places now."""
    waiting = event.registrations.filter(status=RegistrationStatus.PENDING)
    next_release_at = waiting.aggregate(at=Min("hold_expires_at"))["at"]
    return Places(event.left, next_release_at)
