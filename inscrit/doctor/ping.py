"""A signed event that we send to ourselves through the public address, as Stripe would.

It goes the whole way: proxy, certificate, signature, database. Its row in the inbox shows that the
address leads to this very installation, and is taken out again.
"""

import json
import secrets
import socket
import ssl
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from django.utils.translation import gettext as _
from stripe import WebhookSignature

from inscrit.config import Config
from inscrit.jobs import in_database
from inscrit.webhooks.endpoints import PATH
from inscrit.webhooks.models import StripeEvent

from .finding import Finding, error, ok, skipped, warning

NAME = "ping"
TYPE = "inscrit.ping"
TIMEOUT = 10
CERTIFICATE_SOON, CERTIFICATE_NOW = 14, 3


async def look(settings: Config, *, writes: bool = True) -> list[Finding]:
    """Nothing is sent unless the database ``writes``: its row could not be taken out again."""
    found = [await certificate(settings.public_url)]
    if not writes:
        what = _("Not tried: a ping leaves a row in the database, to be taken out again.")
        return [*found, skipped(NAME, what)]
    return [*found, await _ping(settings)]


async def _ping(settings: Config) -> Finding:
    if not settings.stripe_webhook_secrets:
        return skipped(NAME, _("Without a webhook secret nothing can be sent to ourselves."))
    url = settings.public_url + PATH
    for secret in settings.stripe_webhook_secrets:
        event_id = f"evt_ping_{secrets.token_hex(8)}"
        finding = await _send(url, event_id, secret, livemode=bool(settings.livemode))
        arrived = await in_database(_take_out, event_id)
        if finding is None and not arrived:
            what = _("%(url)s took our signed ping, but it did not arrive in this database.")
            mend = _("Does PUBLIC_URL lead to another installation with the same secret?")
            return error(NAME, what % {"url": url}, mend)
        if finding is not None:
            return finding
    return ok(NAME, _("A signed ping through %(url)s arrived.") % {"url": url})


async def _send(url: str, event_id: str, secret: str, *, livemode: bool) -> Finding | None:
    """Deliver as Stripe does, without following redirects; what is wrong, or None."""
    body = _body(event_id, livemode=livemode)
    signature = WebhookSignature.generate_signature_header(body, secret)
    headers = {"stripe-signature": signature, "content-type": "application/json"}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            answer = await client.post(url, content=body, headers=headers)
    except httpx.HTTPError as problem:
        what = _("The public address %(url)s can’t be reached from here: %(why)s")
        mend = _("Does the name lead to this installation, and does the web side run?")
        return error(NAME, what % {"url": url, "why": str(problem) or type(problem).__name__}, mend)
    return None if answer.status_code == httpx.codes.OK else _why(url, answer)


def _body(event_id: str, *, livemode: bool) -> str:
    return json.dumps(
        {
            "id": event_id,
            "object": "event",
            "type": TYPE,
            "created": int(time.time()),
            "livemode": livemode,
            "data": {"object": {"id": "ping", "object": "ping"}},
        }
    )


def _why(url: str, answer: httpx.Response) -> Finding:
    said = _said(answer)
    facts = {"url": url, "status": answer.status_code, "why": said}
    if answer.is_redirect:
        facts["why"] = answer.headers.get("location", "")
        what = _("%(url)s sends Stripe on to %(why)s, where it does not go.")
        return error(NAME, what % facts, _("Set PUBLIC_URL to the address that answers itself."))
    match answer.status_code:
        case 400 if "timestamp" in said:
            what = _("%(url)s finds our ping too old or from the future.")
            mend = _("The clocks of the machines differ: timedatectl set-ntp true")
        case 400:
            what = _("%(url)s refuses our signature: the web side has another webhook secret.")
            mend = _("Start the web side again with the same STRIPE_WEBHOOK_SECRET.")
        case 503:
            what = _("%(url)s answers 503: %(why)s")
            mend = _("The web side has no webhook secret, or no database: read its log.")
        case 401 | 403 | 404 | 405:
            what = _("%(url)s answers %(status)d: something in front does not let webhooks pass.")
            mend = _("Let the proxy forward every path, without a login and without changes.")
        case _other:
            what = _("%(url)s answers %(status)d.")
            mend = _("Read the logs of the proxy and of the web side.")
    return error(NAME, what % facts, mend)


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _take_out(event_id: str) -> bool:
    deleted, _by_model = StripeEvent.objects.filter(pk=event_id).delete()
    return bool(deleted)


async def certificate(public_url: str, context: ssl.SSLContext | None = None) -> Finding:
    """How long the certificate of the public address is still good."""
    name, parts = "certificate", urlsplit(public_url)
    if parts.scheme != "https" or parts.hostname is None:
        return skipped(name, _("The public address has no certificate, it is not https."))
    mend = _("Renew it, and see that it renews by itself: Stripe delivers to valid ones only.")
    facts = {"host": parts.hostname}
    try:
        ends = await in_database(
            _ends, parts.hostname, parts.port or 443, context or ssl.create_default_context()
        )
    except ssl.SSLCertVerificationError as problem:
        what = _("The certificate of %(host)s is not good: %(why)s")
        return error(name, what % {**facts, "why": problem.verify_message}, mend)
    except OSError as problem:
        what = _("The certificate of %(host)s could not be read: %(why)s")
        return error(
            name, what % {**facts, "why": problem.strerror or type(problem).__name__}, mend
        )
    days = (ends - datetime.now(UTC)).days
    what = _("The certificate of %(host)s is good for %(n)d more days.") % {**facts, "n": days}
    if days < CERTIFICATE_NOW:
        return error(name, what, mend)
    return warning(name, what, mend) if days < CERTIFICATE_SOON else ok(name, what)


def _ends(host: str, port: int, context: ssl.SSLContext) -> datetime:
    with (
        socket.create_connection((host, port), timeout=TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        peer = secure.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(peer["notAfter"])), UTC)
