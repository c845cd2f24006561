"""Stripe as our key sees it: the account, its clock, our endpoint, what it could not deliver."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inscrit.config import Config
from inscrit.jobs import in_database
from inscrit.payments import stripe_gateway
from inscrit.payments.stripe_gateway import (
    EndpointState,
    StripeRefused,
    StripeUnavailable,
)
from inscrit.reconciliation.comparison import is_ours
from inscrit.webhooks import endpoints, fetching
from inscrit.webhooks.models import StripeEvent
from inscrit.webhooks.notification import HANDLED

from . import clocks
from .finding import Finding, error, ok, skipped, warning

UNDELIVERED_SINCE = timedelta(days=3)
# Stripe lists as undelivered what it is just delivering, too.
UNDELIVERED_UNTIL = timedelta(minutes=10)
ENOUGH = 100  # the oldest ones tell it
LONGEST_LOOK = 20.0  # seconds


async def look(settings: Config) -> list[Finding]:
    if settings.stripe_secret_key is None:
        return [skipped("stripe", _("There is no Stripe key to try."))]
    try:
        account = await stripe_gateway.account()
        clock = account.clock
    except StripeRefused as refusal:
        if refusal.code != "more_permissions_required" and "permission" not in str(refusal):
            return [_refused(refusal)]
        # A restricted key that may do everything but this is all right.
        account, clock = None, refusal.clock
    except StripeUnavailable as problem:
        return [_unreachable(problem)]
    found = [_account(account), clocks.stripe(clock)]
    return [*found, *[one async for one in _events(settings)]]


def _account(account: stripe_gateway.AccountState | None) -> Finding:
    if account is None:
        return ok("stripe", _("Stripe takes our key. It may not read whose account it is."))
    facts = {"id": account.id, "name": account.name or "–"}
    if not account.charges_enabled:
        what = _("Stripe takes no payments for the account %(name)s (%(id)s) yet.") % facts
        return error("stripe", what, _("Complete the account’s details in Stripe’s Dashboard."))
    return ok("stripe", _("Our key opens the Stripe account %(name)s (%(id)s).") % facts)


def _refused(refusal: StripeRefused) -> Finding:
    what = _("Stripe refuses our key: %(why)s") % {"why": _without_key(str(refusal))}
    mend = _("Copy the key again from Stripe’s Dashboard: it may have been rolled or deleted.")
    return error("stripe", what, mend)


def _without_key(text: str) -> str:
    """Stripe's answer shows the end of the key."""
    return " ".join("…" if word.startswith(("sk_", "rk_")) else word for word in text.split())


def _unreachable(problem: StripeUnavailable) -> Finding:
    what = _("Stripe can’t be reached: %(why)s") % {"why": problem}
    return error("stripe", what, _("May this machine make connections to api.stripe.com:443?"))


async def _events(settings: Config) -> AsyncIterator[Finding]:
    address = settings.public_url + endpoints.PATH
    try:
        known = await stripe_gateway.endpoints()
    except StripeRefused:
        yield skipped("webhook_endpoint", _("Our key may not read the webhook endpoints."))
    except StripeUnavailable as problem:
        yield _unreachable(problem)
        return
    else:
        for finding in endpoint(settings, address, known):
            yield finding
    yield await _undelivered()


def endpoint(settings: Config, address: str, known: list[EndpointState]) -> list[Finding]:
    """What is to be said of our endpoint among those there are."""
    name, facts = "webhook_endpoint", {"url": address}
    mend = _("Run: inscrit stripe setup --url %(url)s") % {"url": settings.public_url}
    same = endpoints.ours(address, known)
    if not same:
        what = _("No webhook endpoint at Stripe has our address %(url)s.") % facts
        other = _told_of_others(known)
        ask = _("Is PUBLIC_URL right? Then run: inscrit stripe setup --url %(url)s")
        return [error(name, f"{what} {other}".strip(), ask % {"url": settings.public_url})]
    ours = next(
        (one for one in same if one.api_version == stripe_gateway.api_version() and one.enabled),
        same[0],
    )
    if not ours.enabled:
        return [error(name, _("Our webhook endpoint is switched off at Stripe."), mend)]
    found = [ok(name, _("Stripe delivers to %(url)s.") % facts), _types(ours, mend)]
    if settings.livemode is not None and ours.livemode != settings.livemode:
        what = _("The key and the webhook endpoint are of different modes, live and test.")
        found.append(error("webhook_mode", what, mend))
    found.append(_version(ours, mend))
    if sum(one.enabled for one in same) > 1:
        what = _("Several endpoints at Stripe have our address: each event comes more than once.")
        tell = _("Once the new secret is in use: inscrit stripe setup --url %(url)s --retire")
        found.append(warning("webhook_doubled", what, tell % {"url": settings.public_url}))
    return found


def _told_of_others(known: list[EndpointState]) -> str:
    if not known:
        return ""
    urls = list(dict.fromkeys(one.url for one in known))
    return _("It knows: %(urls)s.") % {"urls": ", ".join(urls[:5])}


def _types(ours: EndpointState, mend: str) -> Finding:
    name = "webhook_events"
    if endpoints.EVERYTHING in ours.events:
        return warning(name, _("Our endpoint gets every kind of event, not only ours."), mend)
    if missing := sorted(HANDLED - ours.events):
        what = _("Our endpoint does not get: %(types)s.") % {"types": ", ".join(missing)}
        return error(name, what, mend)
    if needless := sorted(ours.events - HANDLED):
        what = _("Our endpoint gets what we do not use: %(types)s.")
        return warning(name, what % {"types": ", ".join(needless)}, mend)
    return ok(name, _("Our endpoint gets exactly the events we handle."))


def _version(ours: EndpointState, mend: str) -> Finding:
    name, wanted = "webhook_version", stripe_gateway.api_version()
    if ours.api_version == wanted:
        return ok(name, _("Events come in the API version %(version)s.") % {"version": wanted})
    what = _("Events come in the API version %(theirs)s; we are made for %(ours)s.")
    theirs = ours.api_version or _("of the account")
    return warning(name, what % {"theirs": theirs, "ours": wanted}, mend)


async def _undelivered() -> Finding:
    name, now = "undelivered", timezone.now()
    until = (now - UNDELIVERED_UNTIL).timestamp()
    made: dict[str, int] = {}
    try:
        # Another application of the account may miss very many: the oldest are enough to tell.
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_LOOK):
                await _collect(made, now - UNDELIVERED_SINCE)
    except (StripeRefused, StripeUnavailable):
        return skipped(name, _("Our key may not read Stripe’s events."))
    late = {one: created for one, created in made.items() if created < until}
    return await in_database(_told_of_late, late)


async def _collect(made: dict[str, int], since: datetime) -> None:
    """When each event of ours was made, as far as there is time to look."""
    async for page in stripe_gateway.undelivered_events(since, endpoints.EVENTS):
        made.update((one["id"], one["created"]) for one in map(json.loads, page) if _is_ours(one))
        if len(made) >= ENOUGH:
            return


def _is_ours(event: dict[str, Any]) -> bool:
    """Whether it names a registration: what another application misses is not our business."""
    metadata = event["data"]["object"].get("metadata") or {}
    return is_ours(metadata.get("registrationId"))


def _told_of_late(made: dict[str, int]) -> Finding:
    """``made``: when each event was made that some endpoint, perhaps not ours, has not taken."""
    name = "undelivered"
    inbox = StripeEvent.objects.filter(pk__in=made)
    came = inbox.exclude(secret=fetching.SOURCE, deliveries=1).values_list("pk", flat=True)
    late = made.keys() - set(came)
    if late and not _anything_came_since(min(made[one] for one in late)):
        text = ngettext(
            "Stripe could not deliver %(n)d event to us, and nothing has come since.",
            "Stripe could not deliver %(n)d events to us, and nothing has come since.",
            len(late),
        )
        mend = _(
            "Look at the deliveries on the endpoint’s page in Stripe’s Dashboard. Answered 400:"
            " STRIPE_WEBHOOK_SECRET is another endpoint’s, copy this one’s. Not answered: does"
            " Stripe reach the address? Meanwhile: inscrit reconcile"
        )
        return error(name, text % {"n": len(late)}, mend)
    if missing := len(made) - inbox.count():
        text = ngettext(
            "%(n)d event of the last three days has not been delivered to us.",
            "%(n)d events of the last three days have not been delivered to us.",
            missing,
        )
        mend = _("They are fetched every quarter of an hour. At once: inscrit reconcile")
        return warning(name, text % {"n": missing}, mend)
    return ok(name, _("Stripe has delivered everything of the last three days."))


def _anything_came_since(moment: int) -> bool:
    """By Stripe's own delivery, not fetched by us."""
    since = datetime.fromtimestamp(moment, UTC)
    return (
        StripeEvent.objects.filter(received_at__gt=since).exclude(secret=fetching.SOURCE).exists()
    )
