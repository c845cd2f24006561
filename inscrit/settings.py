"""Django's settings, derived from the typed configuration."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.utils.translation import gettext_lazy as _
from psycopg.conninfo import conninfo_to_dict

from inscrit import config as configuration
from inscrit.monitoring import logs
from inscrit.sessions import Session

CONFIG = configuration.current()

SECRET_KEY = CONFIG.secret_key
DEBUG = False
ALLOWED_HOSTS = list({CONFIG.public_host, "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [CONFIG.public_url]
# Whether a request came by HTTPS is the server's to say, which believes trusted proxies only.
HTTPS = CONFIG.public_url.startswith("https://")
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
# A day at the desk; then the password is asked for again.
SESSION_COOKIE_AGE = 12 * 60 * 60
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

INSTALLED_APPS = [
    "inscrit.desk",  # before the back office, as the back office is
    "inscrit.backoffice",  # before the admin: its templates come first
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "ninja",
    "procrastinate.contrib.django",
    "inscrit.organisation",
    "inscrit.events",
    "inscrit.registrations",
    "inscrit.waiting",
    "inscrit.payments",
    "inscrit.papers",
    "inscrit.mail",
    "inscrit.webhooks",
    "inscrit.watchdog",
    "inscrit.reconciliation",
    "inscrit.checkin",
    "inscrit.links",
    "inscrit.doctor",
    "inscrit.retention",
    "inscrit.api",
    "inscrit.outgoing",
    "inscrit.pages",
    "inscrit.people",  # last: it gives out the permissions of all the others
]
MIDDLEWARE = [
    # Adds random bytes to what it presses, so lengths tell nothing (https://breachattack.com).
    "django.middleware.gzip.GZipMiddleware",
    "inscrit.api.middleware.problems_everywhere",
    "inscrit.pages.policy.own_scripts_only",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "inscrit.people.gate.second_factor_first",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "inscrit.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "inscrit.organisation.context.organisation",
            ],
            # Pages and mails both show amounts, and until when they are to be paid.
            "libraries": {"money": "inscrit.money", "deadlines": "inscrit.deadlines"},
        },
    },
]
ASGI_APPLICATION = "inscrit.asgi.application"


# What stands between may forget a connection that says nothing for a quarter of an hour, as Swarm's
# virtual addresses do, and tell neither end. In seconds, the last one in milliseconds.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
KEPT_ALIVE = {
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


# A pool tries a database that is gone less and less often, and would miss its return for as long as
# it was away; one that has given up tries again for the next who comes. In seconds.
# https://www.psycopg.org/psycopg3/docs/api/pool.html
POOL = {
    "connection_class": Session,
    "min_size": 1,
    "max_size": 8,
    "timeout": 5,
    "reconnect_timeout": 4,
}


def database(url: str | None) -> dict[str, Any]:
    """Django's description of the database at a ``postgresql://`` address."""
    parts = conninfo_to_dict(url or "")
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    options = {k: v for k, v in parts.items() if k not in (*known.values(), "port")}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{name: parts.get(key, "") for name, key in known.items()},
        "PORT": str(parts.get("port", "")),
        "OPTIONS": {**KEPT_ALIVE, **options, "pool": POOL},
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": database(CONFIG.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def mail_server(url: str) -> dict[str, Any]:
    """Django's mail settings for ``smtp://user:password@host:587?tls=1`` or ``console:``."""
    parts = urlsplit(url)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    query = parse_qs(parts.query)
    over_ssl = parts.scheme == "smtps" or query.get("ssl") == ["1"]
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if over_ssl else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": query.get("tls") == ["1"] and not over_ssl,
        "EMAIL_USE_SSL": over_ssl,
        "EMAIL_TIMEOUT": 20,
    }


globals().update(mail_server(CONFIG.email_url))
DEFAULT_FROM_EMAIL = CONFIG.default_from_email
SERVER_EMAIL = CONFIG.default_from_email

LANGUAGE_CODE = CONFIG.language_code
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LOCALE_PATHS = [Path(__file__).parent / "locale"]
TIME_ZONE = CONFIG.time_zone
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGGING_CONFIG = None
logs.configure(CONFIG.log_format)
