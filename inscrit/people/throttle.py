"""Slowing down whoever guesses passwords or codes, without locking out whose account it is.

Failures are counted in the database, so for all processes together: by account, with a pause that
grows from seconds to a minute, and by address. From an address at which the account's owner has
logged in before, other people's failures do not count.
"""

from datetime import datetime, timedelta
from math import ceil

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .models import LoginAttempt

WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=60)
KEPT = timedelta(days=90)
FREE_TRIES = 5
# Seconds to wait since the last failure, from the fifth on; the last one is kept to.
PAUSES = (5, 10, 20, 40, 60)
TRIES_OF_AN_ADDRESS = 50


def account_of(typed: str) -> str:
    """What stands in the table for what somebody typed."""
    name = typed.strip()[:150]
    known = get_user_model().objects.filter(username=name).exists()
    return name if known else "?" + salted_hmac("inscrit.login", name).hexdigest()[:24]


def seconds_to_wait(account: str, address: str | None, step: LoginAttempt.Step) -> int:
    """How long until the next try is looked at; 0 for at once.

    Who knows the password gets no new tries at the code by giving it again.
    """
    same = LoginAttempt.objects.filter(account=account, step=step)
    return max(_for_account(same, address), _for_address(address))


def note(account: str, address: str | None, step: LoginAttempt.Step, *, succeeded: bool) -> None:
    """Keep what came of a try."""
    LoginAttempt.objects.create(account=account, address=address, step=step, succeeded=succeeded)


def alone(account: str) -> bool:
    """Whether no other try is under way; until the end of the transaction.

    Many tries at once must not all count as the first. None waits for another: connections are few.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"login {account}"])
        return bool(cursor.fetchone()[0])


def forget() -> int:
    """Logins are kept for three months."""
    return LoginAttempt.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]


def _for_account(same: "QuerySet[LoginAttempt]", address: str | None) -> int:
    now = timezone.now()
    failures = same.filter(succeeded=False, at__gt=now - WINDOW)
    here = same.filter(succeeded=True, address=address, at__gt=now - KNOWN_FOR)
    newest = here.aggregate(at=Max("at"))["at"]
    if newest is not None:
        failures = failures.filter(at__gt=newest)
        if address is not None:
            failures = failures.filter(address=address)
    number = failures.count()
    if number < FREE_TRIES:
        return 0
    last = failures.aggregate(at=Max("at"))["at"]
    pause = PAUSES[min(number - FREE_TRIES, len(PAUSES) - 1)]
    return _left(last + timedelta(seconds=pause))


def _for_address(address: str | None) -> int:
    """Someone who goes through many accounts. A pause of a minute, for as long as it goes on."""
    if address is None:
        return 0
    window = timezone.now() - WINDOW
    failures = LoginAttempt.objects.filter(address=address, succeeded=False, at__gt=window)
    if failures.count() < TRIES_OF_AN_ADDRESS:
        return 0
    return _left(failures.aggregate(at=Max("at"))["at"] + timedelta(seconds=PAUSES[-1]))


def _left(until: datetime) -> int:
    return max(0, ceil((until - timezone.now()).total_seconds()))
