"""Which signing secret verified how many events lately, and which one may be taken out.

In the setting the newest stands first. While Stripe signs with an old and a new one at once, it is
the first that counts, so an old one is in use only if something came that nothing newer signed.
One that never counted may be a new one in the wrong place: that it can go, nobody knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db.models import Count, Max
from django.utils import timezone

from .models import StripeEvent

LATELY = timedelta(hours=24)
# Two endpoints of one account tell the same within minutes; an hour without a word is enough.
QUIET = timedelta(hours=1)


class Verdict(Enum):
    ONLY = "only"
    NEWEST = "newest"
    UNPROVEN = "unproven"
    IN_USE = "in use"
    NEVER_USED = "never used"
    SAFE_TO_REMOVE = "safe to remove"


@dataclass(frozen=True, slots=True)
class Use:
    """One secret of the setting: its events of the last day, and when its last one came."""

    fingerprint: str
    events: int
    last_at: datetime | None
    verdict: Verdict


def uses(fingerprints: Sequence[str]) -> list[Use]:
    """What each secret of the setting was good for, in the setting's order."""
    now = timezone.now()
    found = (
        StripeEvent.objects.filter(received_at__gte=now - LATELY, secret__in=fingerprints)
        .order_by()
        .values_list("secret")
        .annotate(Count("id"), Max("received_at"))
    )
    seen: dict[str, tuple[int, datetime | None]] = {
        secret: (number, last_at) for secret, number, last_at in found
    }
    numbers = [seen.get(one) or (0, _last_at(one)) for one in fingerprints]
    judged = verdicts([last_at for _, last_at in numbers], now)
    return [
        Use(fingerprint, *number, verdict)
        for fingerprint, number, verdict in zip(fingerprints, numbers, judged, strict=True)
    ]


def _last_at(fingerprint: str) -> datetime | None:
    events = StripeEvent.objects.filter(secret=fingerprint).order_by("-received_at")
    return events.values_list("received_at", flat=True).first()


def verdicts(last_uses: Sequence[datetime | None], now: datetime) -> list[Verdict]:
    """One for each secret, from when each was last of use; the newest stands first."""
    if len(last_uses) == 1:
        return [Verdict.ONLY]
    return [_verdict(last_uses[:place], last_uses[place], now) for place in range(len(last_uses))]


def _verdict(newer: Sequence[datetime | None], last: datetime | None, now: datetime) -> Verdict:
    proof = max((at for at in newer if at is not None), default=None)
    if not newer:
        return Verdict.UNPROVEN if last is None else Verdict.NEWEST
    if proof is None:
        return Verdict.IN_USE
    if last is None:
        return Verdict.NEVER_USED
    if last >= proof or now - last < QUIET:
        return Verdict.IN_USE
    return Verdict.SAFE_TO_REMOVE
