"""Three clocks that must agree: ours, the database's, Stripe's.

A signature is good for five minutes; holds and deadlines are counted by the database's clock.
"""

from datetime import UTC, datetime

from django.db import connection
from django.utils.translation import gettext as _

from .finding import Finding, error, ok, skipped, warning

SOON_SECONDS, BAD_SECONDS = 5, 60


def database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    return compare("database_clock", _("the database’s"), row[0], datetime.now(UTC))


def stripe(theirs: datetime | None) -> Finding:
    if theirs is None:
        return skipped("stripe_clock", _("Stripe’s answer did not tell the time."))
    return compare("stripe_clock", _("Stripe’s"), theirs, datetime.now(UTC))


def compare(name: str, whose: str, theirs: datetime, ours: datetime) -> Finding:
    """``whose`` clock it is stands in the sentence."""
    seconds = round(abs((theirs - ours).total_seconds()))
    facts = {"whose": whose, "n": seconds}
    if seconds < SOON_SECONDS:
        return ok(name, _("Our clock and %(whose)s agree.") % facts)
    what = _("Our clock and %(whose)s differ by %(n)d seconds.") % facts
    mend = _("Let both machines take their time from the network (NTP): timedatectl set-ntp true")
    return (error if seconds >= BAD_SECONDS else warning)(name, what, mend)
