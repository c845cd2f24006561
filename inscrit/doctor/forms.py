"""The form of each secret: what a person is likely to have pasted wrongly. Never its value."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from inscrit.config import Sources

from .finding import Finding, error, ok, warning

QUOTES = "\"'`‘’“”«»"
PLACEHOLDERS = ("…", "...", "<", ">", "xxxx")
# Stripe's real keys and secrets are longer; the sandbox takes any.
SHORTEST_STRIPE_SECRET = 24
SHORTEST_SECRET_KEY = 32
FEWEST_CHARACTERS = 10
KEYS = ("sk_test_", "sk_live_", "rk_test_", "rk_live_")
MOST_SECRETS = 2


def look(sources: Sources) -> list[Finding]:
    """One finding for each secret."""
    real = sources.get("STRIPE_API_BASE") is None
    key = sources.get("STRIPE_SECRET_KEY", secret="stripe_secret")  # noqa: S106 - a file's name
    signing = sources.get("STRIPE_WEBHOOK_SECRET")
    return [
        _stripe_key(key, real=real, signing=signing),
        _signing_secrets(signing, real=real, key=key),
        _secret_key(sources.get("SECRET_KEY"), sources.get("DATABASE_URL")),
    ]


def _stripe_key(value: str | None, *, real: bool, signing: str | None) -> Finding:
    name = "stripe_key_form"
    mend = _(
        "Copy the secret key (sk_…) or a restricted key (rk_…) from Stripe’s Dashboard,"
        " Developers, API keys, into STRIPE_SECRET_KEY or the Docker secret stripe_secret."
    )
    if value is None:
        if signing is None:
            return warning(name, _("No Stripe key is set: nothing can be paid online."), mend)
        return error(name, _("There is a webhook secret, but no Stripe key."), mend)
    for problem in _key_problems(value, real=real):
        return error(name, f"STRIPE_SECRET_KEY: {problem}", mend)
    return ok(name, _("The Stripe key has the right form (%(form)s).") % {"form": value[:8] + "…"})


def _key_problems(value: str, *, real: bool) -> Iterator[str]:
    yield from _paste_problems(value)
    if value.startswith("pk_"):
        yield _("this is the publishable key (pk_…), which opens nothing.")
    if value.startswith("whsec_"):
        yield _("this is a webhook’s signing secret (whsec_…), it stands in the wrong place.")
    if not value.startswith(KEYS):
        yield _("a key begins with sk_test_, sk_live_, rk_test_ or rk_live_.")
    if len(value.split()) > 1:
        yield _("there is a space or a new line inside.")
    if real and len(value) < SHORTEST_STRIPE_SECRET:
        yield _("it is too short: a part was not copied.")


def _paste_problems(value: str) -> Iterator[str]:
    if value[0] in QUOTES or value[-1] in QUOTES:
        yield _("there are quotes around it: leave them out.")
    if any(sign in value for sign in PLACEHOLDERS):
        yield _("this is an example’s placeholder, not your own.")


def _signing_secrets(value: str | None, *, real: bool, key: str | None) -> Finding:
    name = "webhook_secret_form"
    mend = _(
        "Copy the endpoint’s signing secret (whsec_…) from Stripe’s Dashboard, Developers,"
        " Webhooks, into STRIPE_WEBHOOK_SECRET; or let “inscrit stripe setup” make one."
    )
    if value is None:
        if key is None:
            return warning(name, _("No webhook secret is set."), mend)
        what = _("No webhook secret is set: Stripe is answered 503, and no payment is confirmed.")
        return error(name, what, mend)
    secrets = value.replace(",", " ").split()
    for secret in secrets:
        for problem in _secret_problems(secret, real=real):
            return error(name, f"STRIPE_WEBHOOK_SECRET: {problem}", mend)
    if len(set(secrets)) > MOST_SECRETS:
        what = _("%(n)d webhook secrets are accepted.") % {"n": len(set(secrets))}
        return warning(name, what, _("After a change, take those out that Stripe no longer uses."))
    return ok(name, _("The webhook secret has the right form (whsec_…)."))


def _secret_problems(value: str, *, real: bool) -> Iterator[str]:
    yield from _paste_problems(value)
    if value.startswith((*KEYS, "pk_")):
        yield _("this is an API key, it stands in the wrong place.")
    if value.startswith("we_"):
        yield _("this is the endpoint’s number (we_…), not its signing secret.")
    if not value.startswith("whsec_"):
        yield _("a signing secret begins with whsec_.")
    if real and len(value) < SHORTEST_STRIPE_SECRET:
        yield _("it is too short: a part was not copied.")


def _secret_key(value: str | None, database_url: str | None) -> Finding:
    name = "secret_key"
    mend = _(
        "Set SECRET_KEY to a long random text, for example from: openssl rand -base64 48. Links"
        " that were mailed before open nothing after that."
    )
    if value is None:
        if database_url is None:
            return ok(name, _("The secret key is made up by itself and kept in the data folder."))
        return error(name, _("SECRET_KEY is not set."), mend)
    if len(value) < SHORTEST_SECRET_KEY or len(set(value)) < FEWEST_CHARACTERS:
        what = _("SECRET_KEY can be guessed: it has fewer than 32 characters, or few different.")
        return error(name, what, mend)
    return ok(name, _("SECRET_KEY is long enough."))
