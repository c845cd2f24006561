"""What of an event is kept for those who wait for it: the places they would be given now.

Who waits for more than is free, or for a price that is full, keeps nothing from those who come by;
see docs/decisions/0084.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import connection

# The one definition stands in the database: inscrit/waiting/migrations/0005_who_is_served_now.py.
SERVED_NOW = "SELECT places, options::text FROM inscrit_served_now(%s)"


@dataclass(frozen=True, slots=True)
class Kept:
    """``places`` of the event, and how many of each price option."""

    places: int = 0
    options: Mapping[str, int] = field(default_factory=Counter[str])


def kept_for_the_line(event_id: str) -> Kept:
    """As it is now; whoever has the event's lock may count on it."""
    with connection.cursor() as cursor:
        cursor.execute(SERVED_NOW, [event_id])
        rows = cursor.fetchall()
    options = Counter[str]()
    for _places, wanted in rows:
        options.update(json.loads(wanted))
    return Kept(sum(places for places, _wanted in rows), options)
