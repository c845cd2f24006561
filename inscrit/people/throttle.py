"""Slowing down whoever guesses passwords or codes, without locking out whose account it is.

Failures are counted in the database, so for all processes together: by account, with a pause that
grows from seconds to a minute, and by address. From an address at which the account's owner has
logged in before, other people's failures do not count.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Max, QuerySet
from django.utils import timezone

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
    return name if known else "?" + hmac.new(_key(), name.encode(), sha256).hexdigest()[:24]


def seconds_to_wait(account: str, address: str | None) -> int:
    """How long until the next try is looked at; 0 for at once."""
    return max(_for_account(account, address), _for_address(address))


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


def _for_account(account: str, address: str | None) -> int:
    failures = _failures().filter(account=account)
    if address is not None and _is_known(account, address):
        failures = failures.filter(address=address)
    last_success = LoginAttempt.objects.filter(account=account, succeeded=True, address=address)
    newest = last_success.aggregate(at=Max("at"))["at"]
    if newest is not None:
        failures = failures.filter(at__gt=newest)
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
    failures = _failures().filter(address=address)
    if failures.count() < TRIES_OF_AN_ADDRESS:
        return 0
    return _left(failures.aggregate(at=Max("at"))["at"] + timedelta(seconds=PAUSES[-1]))


def _failures() -> "QuerySet[LoginAttempt]":
    return LoginAttempt.objects.filter(succeeded=False, at__gt=timezone.now() - WINDOW)


def _is_known(account: str, address: str) -> bool:
    return LoginAttempt.objects.filter(
        account=account, address=address, succeeded=True, at__gt=timezone.now() - KNOWN_FOR
    ).exists()


def _left(until: datetime) -> int:
    return max(0, ceil((until - timezone.now()).total_seconds()))


def _key() -> bytes:
    return settings.SECRET_KEY.encode()
