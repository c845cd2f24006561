"""The public address: whether Stripe and the buyers can use it, by its form and the key's mode."""

from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from inscrit.config import Config

from .finding import Finding, error, ok, warning

LOCAL = ("localhost", "127.0.0.1", "::1")
WEBHOOKS = "/stripe/webhooks"


def look(settings: Config) -> list[Finding]:
    return [_public_url(settings), _mode(settings), _organiser(settings)]


def _public_url(settings: Config) -> Finding:
    name, parts = "public_url", urlsplit(settings.public_url)
    mend = _("Set PUBLIC_URL to the address that visitors see, such as https://host.")
    if parts.path or parts.query:
        what = _("PUBLIC_URL %(url)s has a path: pages and webhooks are at the root.")
        return error(name, what % {"url": settings.public_url}, mend)
    real = settings.stripe_secret_key and settings.stripe_api_base is None
    if real and parts.hostname in LOCAL:
        what = _("PUBLIC_URL is %(url)s: neither buyers nor Stripe can reach it from elsewhere.")
        return (error if settings.livemode else warning)(
            name, what % {"url": settings.public_url}, mend
        )
    if real and parts.scheme != "https":
        what = _("PUBLIC_URL is not https: Stripe delivers live events to https only.")
        return (error if settings.livemode else warning)(name, what, mend)
    return ok(name, _("The public address is %(url)s.") % {"url": settings.public_url})


def _mode(settings: Config) -> Finding:
    """Live key and sandbox, or the other way round."""
    name = "stripe_mode"
    if settings.livemode and settings.stripe_api_base is not None:
        what = _("A live key is set, but STRIPE_API_BASE sends it somewhere other than Stripe.")
        return error(name, what, _("Take STRIPE_API_BASE out, and roll the key at Stripe."))
    if settings.stripe_api_base is not None:
        what = _("Payments go to a sandbox at %(url)s: no real money moves.")
        return ok(name, what % {"url": settings.stripe_api_base})
    if settings.livemode is None:
        return ok(name, _("No online payments."))
    if settings.livemode:
        return ok(name, _("Live mode: real money moves."))
    return ok(name, _("Test mode: no real money moves."))


def _organiser(settings: Config) -> Finding:
    name = "organiser_email"
    if settings.organiser_email is None:
        what = _("ORGANISER_EMAIL is not set: nobody is told what needs a person.")
        return warning(name, what, _("Set ORGANISER_EMAIL to an address that is read."))
    return ok(name, _("Alerts for a person go to ORGANISER_EMAIL."))
