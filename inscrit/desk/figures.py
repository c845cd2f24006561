"""The figures of the first page, in as few queries as there are questions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.events.state import State, state_of
from inscrit.money import money
from inscrit.payments import received
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING
from inscrit.registrations.models import Registration

from .charts import Chart, chart, days

DAYS = 30
MOST_EVENTS = 12
MOST_REGISTRATIONS = 8


@dataclass(frozen=True, slots=True)
class Coming:
    event: Event
    state: State
    sales: Chart


@dataclass(frozen=True, slots=True)
class Income:
    """What came in one currency, less what went back."""

    today: str
    week: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class Figures:
    today: int
    week: int
    registrations: Chart
    income: Sequence[Income]
    coming: Sequence[Coming]
    latest: Sequence[Registration]
    has_events: bool


def figures(now: datetime) -> Figures:
    today = timezone.localdate(now)
    span = days(today - timedelta(days=DAYS - 1), today)
    by_event = _registered(span[0])
    by_day = sum(by_event.values(), Counter[date]())
    events = list(_coming(now))
    return Figures(
        today=by_day[today],
        week=_since_monday(by_day, today),
        registrations=chart(span, by_day),
        income=[_income(found, currency, span) for currency, found in _paid(span[0])],
        coming=[
            Coming(event, state_of(event, now), chart(span, by_event[event.pk])) for event in events
        ],
        latest=list(Registration.objects.select_related("event")[:MOST_REGISTRATIONS]),
        has_events=bool(events) or Event.objects.exists(),
    )


def _coming(now: datetime) -> Iterable[Event]:
    coming = Event.objects.filter(ends_at__gte=now).exclude(status=EventStatus.CANCELLED)
    return coming.prefetch_related("options")[:MOST_EVENTS]


def _registered(first: date) -> defaultdict[str, Counter[date]]:
    """How many registrations that still stand were made at each event each day."""
    rows = (
        Registration.objects.filter(created_at__gte=midnight(first), status__in=HOLDING | CONFIRMED)
        .order_by()
        .values_list("event_id", TruncDate("created_at"))
        .annotate(n=Count("pk"))
    )
    found: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for event, day, n in rows:
        found[event][day] = n
    return found


def _paid(first: date) -> list[tuple[str, Counter[date]]]:
    """The money of each day, by card and by cheque, in each currency."""
    rows = (
        Registration.objects.filter(paid_at__gte=midnight(first))
        .order_by()
        .annotate(money_in=received.currency())
        .values_list("money_in", TruncDate("paid_at"))
        .annotate(money=Sum(received.kept()))
    )
    found: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for currency, day, amount in rows:
        found[currency][day] = int(amount)  # a sum of bigint is numeric
    return sorted((currency, one) for currency, one in found.items() if any(one.values()))


def _income(found: Counter[date], currency: str, span: Sequence[date]) -> Income:
    words = partial(money, currency=currency)
    return Income(
        today=words(found[span[-1]]),
        week=words(_since_monday(found, span[-1])),
        chart=chart(span, found, words),
    )


def _since_monday(found: Counter[date], today: date) -> int:
    return sum(found[today - timedelta(days=n)] for n in range(today.weekday() + 1))


def midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
