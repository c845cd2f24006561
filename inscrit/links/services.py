"""Asking for the link to all registrations of an e-mail address, and opening it.

Whoever asks is told the same in every case: nobody learns whether an address is known.
"""

from datetime import timedelta

import structlog
from django.core import signing
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from procrastinate.contrib.django import app

from inscrit.registrations.models import Registration

from .models import LinkRequest

LIVES = timedelta(hours=24)
PERIOD = timedelta(hours=1)
MOST_PER_ADDRESS = 3
MOST_PER_ORIGIN = 30
log = structlog.get_logger()
_signer = signing.Signer(salt="inscrit.links")


def fingerprint(text: str) -> str:
    return salted_hmac("inscrit.links", text.strip().casefold(), algorithm="sha256").hexdigest()


def ask(email: str, origin: str | None, locale: str) -> None:
    """Send the link, if somebody has registered with this address and it was not asked too often.

    ``origin`` is the network that whoever asks comes from; None behind a proxy of ours that does
    not tell: then all would be counted as one.
    """
    who, now = fingerprint(email), timezone.now()
    where = fingerprint(origin) if origin else ""
    LinkRequest.objects.filter(asked_at__lt=now - LIVES).delete()
    with transaction.atomic():
        _one_at_a_time(who)
        if _is_too_often(who, where):
            log.warning("🔑 Link asked for too often")
            return
        known = Registration.objects.filter(contact_email__iexact=email).order_by("-created_at")
        request = LinkRequest.objects.create(
            who=who, origin=where, registration=known.first(), locale=locale, asked_at=now
        )
        if request.registration is not None:
            _carry(request)


def _one_at_a_time(who: str) -> None:
    """Until the commit: many at once would all find that nobody has asked yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [who])


def _is_too_often(who: str, where: str) -> bool:
    recent = LinkRequest.objects.filter(asked_at__gt=timezone.now() - PERIOD)
    if recent.filter(who=who).count() >= MOST_PER_ADDRESS:
        return True
    return bool(where) and recent.filter(origin=where).count() >= MOST_PER_ORIGIN


def _carry(request: LinkRequest) -> None:
    """The job is named, not imported: it is what calls us."""
    app.configure_task("inscrit.links.tasks.send_link", queue="mail").defer(request_id=request.pk)


def key(request: LinkRequest) -> str:
    """What opens the list, for a day."""
    return _signer.sign(str(request.pk))


def registrations(key: str) -> QuerySet[Registration] | None:
    """All registrations of the address that the link was sent to; None if it opens nothing."""
    request = _request(key)
    if request is None or request.registration is None:
        return None
    address = request.registration.contact_email
    if not constant_time_compare(fingerprint(address), request.who):
        return None  # the organiser has put another address there meanwhile
    theirs = Registration.objects.select_related("event").prefetch_related("participants")
    return theirs.filter(contact_email__iexact=address).order_by("-event__starts_at", "-created_at")


def _request(key: str) -> LinkRequest | None:
    try:
        number = int(_signer.unsign(key))
    except (signing.BadSignature, ValueError):
        return None
    fresh = Q(asked_at__gt=timezone.now() - LIVES)
    return LinkRequest.objects.select_related("registration").filter(fresh, pk=number).first()
