"""An event's counters of places against its registrations: counted again, sales stopped or opened.

All of it under the event's lock. Whoever moves places writes the registration first and then waits
for that lock, so what is counted here is what the counters have to say (READ COMMITTED: each
statement sees what was committed before it began).
"""

from collections import Counter
from typing import NamedTuple

import structlog
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from inscrit.events.models import Event, PriceOption
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING
from inscrit.registrations.models import Registration
from inscrit.waiting.models import State

log = structlog.get_logger()


class Seats(NamedTuple):
    """``options``: how many of them have each of the event's price options."""

    confirmed: int
    held: int
    options: tuple[tuple[str, int], ...] = ()

    @property
    def taken(self) -> int:
        return self.confirmed + self.held


class Wanted(NamedTuple):
    """Places that those on the waiting list want, in all and of each price option."""

    places: int
    options: tuple[tuple[str, int], ...]


class CountersDiffer(Exception):
    """An event's counters do not say what its registrations say."""

    def __init__(self, said: Seats, counted: Seats) -> None:
        super().__init__(f"the counters say {said}, the registrations {counted}")
        self.said, self.counted = said, counted


class WouldOversell(Exception):
    """The registrations have more places than the event; the message says how many."""


def count_again(event_id: str) -> bool:
    """Bring the counters to what the registrations say; False if they said so already.

    Raises Event.DoesNotExist, WouldOversell.
    """
    with transaction.atomic():
        event = _locked(event_id)
        said, counted = _said(event), _counted(event)
        was_wanted, wanted = _said_wanted(event), _wanted(event)
        if said == counted and was_wanted == wanted:
            return False
        if event.capacity is not None and counted.taken > event.capacity:
            raise WouldOversell(
                f"the registrations of {event_id} take {counted.taken} places, and it has "
                f"{event.capacity}. Raise its places or cancel registrations first."
            )
        event.confirmed, event.held, options = counted
        event.waiting = wanted.places
        event.save(update_fields=["confirmed", "held", "waiting"])
        for option_id, taken in options:
            _count_option_again(option_id, taken)
        for option_id, places in wanted.options:
            PriceOption.objects.filter(pk=option_id).update(waiting=places)
    log.warning(
        f"🔧 Places counted again: {event_id}",
        confirmed=f"{said.confirmed}→{counted.confirmed}",
        held=f"{said.held}→{counted.held}",
        wanted=f"{was_wanted.places}→{wanted.places}",
    )
    return True


def _count_option_again(option_id: str, taken: int) -> None:
    option = PriceOption.objects.get(pk=option_id)
    if option.quota is not None and taken > option.quota:
        raise WouldOversell(
            f"the registrations take {taken} places at the price {option_id} ({option.name}), and "
            f"it is for {option.quota}. Raise that or cancel registrations first."
        )
    PriceOption.objects.filter(pk=option_id).update(taken=taken)


def stop_sales(event_id: str, reason: str) -> bool:
    """Sell nothing more until a person has looked; False if nothing is sold, or there is no cause.

    Raises Event.DoesNotExist.
    """
    with transaction.atomic():
        event = _locked(event_id)
        if not event.is_offered or _said(event) == _counted(event):
            return False
        event.sales_stopped_at, event.sales_stopped_reason = timezone.now(), reason
        event.save(update_fields=["sales_stopped_at", "sales_stopped_reason"])
        transaction.on_commit(lambda: log.error(f"⛔ Sales stopped: {event_id}", reason=reason))
    return True


def open_sales(event_id: str) -> None:
    """Sell again. Raises Event.DoesNotExist, CountersDiffer."""
    with transaction.atomic():
        event = _locked(event_id)
        said, counted = _said(event), _counted(event)
        if said != counted:
            raise CountersDiffer(said, counted)
        event.sales_stopped_at, event.sales_stopped_reason = None, ""
        event.save(update_fields=["sales_stopped_at", "sales_stopped_reason"])
    log.info(f"🟢 Sales opened again: {event_id}")


def _locked(event_id: str) -> Event:
    return Event.objects.select_for_update(no_key=True).get(pk=event_id)


def _said(event: Event) -> Seats:
    options = event.options.order_by("pk").values_list("pk", "taken")
    return Seats(event.confirmed, event.held, tuple(options))


def _counted(event: Event) -> Seats:
    taken = Registration.objects.filter(event=event).aggregate(
        confirmed=Sum("places", filter=Q(status__in=CONFIRMED), default=0),
        held=Sum("places", filter=Q(status__in=HOLDING), default=0),
    )
    seated = Count(
        "participants", filter=Q(participants__registration__status__in=HOLDING | CONFIRMED)
    )
    options = event.options.order_by("pk").annotate(seated=seated).values_list("pk", "seated")
    return Seats(**taken, options=tuple(options))


def _said_wanted(event: Event) -> Wanted:
    options = event.options.order_by("pk").values_list("pk", "waiting")
    return Wanted(event.waiting, tuple(options))


def _wanted(event: Event) -> Wanted:
    waiting = list(event.waiting_entries.filter(state=State.WAITING))
    each = Counter[str]()
    for entry in waiting:
        each.update(entry.option_places)
    ids = event.options.order_by("pk").values_list("pk", flat=True)
    return Wanted(sum(entry.places for entry in waiting), tuple((id_, each[id_]) for id_ in ids))
