"""An event's own page at a glance: its places, money and sales, and where to go from there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from inscrit import config
from inscrit.backoffice import list_of
from inscrit.events.models import Event
from inscrit.events.state import state_of
from inscrit.money import money
from inscrit.payments import received
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING
from inscrit.registrations.models import Registration, RegistrationStatus

from .charts import Chart, curve, days

if TYPE_CHECKING:
    from datetime import date

    from django.utils.safestring import SafeString

MOST_DAYS = 120
LATEST = 5


def panel(request: HttpRequest, event: Event) -> "SafeString":
    rows = list(
        event.registrations.order_by()
        .annotate(money_in=received.currency())
        .values_list("status", "money_in")
        .annotate(
            n=Count("pk"),
            money=Sum(received.kept(), filter=Q(paid_at__isnull=False), default=0),
        )
    )
    registrations = list_of(Registration, f"?event__id__exact={event.pk}")
    context = {
        "event": event,
        "state": state_of(event, timezone.now()),
        "statuses": _statuses(rows, registrations),
        "money": _money(rows, event.currency),
        "registrations": registrations,
        "query": f"?event__id__exact={event.pk}",
        "latest": event.registrations.order_by("-created_at")[:LATEST] if rows else (),
        "sales": _sales(event) if rows else None,
        "may_see": request.user.has_perm("registrations.view_registration"),
        "address": config.current().public_url + event.get_absolute_url(),
    }
    return render_to_string("desk/glance.html", context, request)


def _statuses(rows: Sequence[tuple[str, str, int, int]], address: str) -> list[dict[str, object]]:
    counted: Counter[str] = Counter()
    for status, _, n, _ in rows:
        counted[status] += n
    return [
        {
            "label": status.label,
            "value": status.value,
            "n": counted[status],
            "address": f"{address}&status__exact={status.value}",
        }
        for status in RegistrationStatus
        if counted[status]
    ]


def _money(rows: Sequence[tuple[str, str, int, int]], currency: str) -> list[str]:
    """In each currency that it was ever sold in."""
    sums = Counter[str]({currency: 0})
    for _, name, _, amount in rows:
        sums[name] += int(amount)  # a sum of bigint is numeric
    return [money(amount, name) for name, amount in sorted(sums.items()) if amount] or [
        money(0, currency)
    ]


def _sales(event: Event) -> Chart | None:
    """The places taken by each day, of those that are taken still; None where there are none."""
    seated = event.registrations.filter(status__in=HOLDING | CONFIRMED).order_by()
    by_day = seated.values_list(TruncDate("created_at")).annotate(n=Sum("places"))
    found: dict[date, int] = dict(by_day)
    if not found:
        return None
    today = timezone.localdate()
    span = days(min(found), max(today, *found))
    return _latest(curve(span, found))


def _latest(whole: Chart) -> Chart:
    """The last months only, where it goes back a long time."""
    if whole.width <= MOST_DAYS:
        return whole
    cut = whole.width - MOST_DAYS
    points = [replace(point, x=point.x - cut) for point in whole.points[cut:]]
    return Chart(points, whole.most, whole.total)
