"""The settings of one installation, read once into a typed object.

Each is looked for in the environment variable ``NAME``, then in the file named by ``NAME_FILE``,
then in the Docker secret ``/run/secrets/<name in lower case>``, then a default is taken.
White space at either end is cut: ``echo … | docker secret create`` leaves a newline.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs
import psycopg
from psycopg.conninfo import conninfo_to_dict

SECRETS_DIR = Path("/run/secrets")
LANGUAGES = ("fr", "en")
LONGEST_DRAIN = 300


class SettingError(Exception):
    """A setting is missing or malformed. The message names it and says how to mend it."""

    def __init__(self, name: str, problem: str, mend: str) -> None:
        super().__init__(f"{name}: {problem}. {mend}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Config:
    """What an operator may choose. Secrets never show in its repr."""

    database_url: str | None = field(repr=False)
    data_dir: Path
    secret_key: str = field(repr=False)
    public_url: str
    stripe_secret_key: str | None = field(repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_api_base: str | None
    email_url: str = field(repr=False)
    default_from_email: str
    organiser_email: str | None
    time_zone: str
    language_code: str
    log_format: str
    payload_retention_days: int
    # When the organiser's daily figures are sent; None: never.
    digest_hour: int | None
    metrics_token: str | None = field(repr=False)
    trusted_proxies: tuple[str, ...]
    drain_seconds: int
    # Web origins whose scripts may call the API, and whose pages may show an event in a frame.
    cors_origins: frozenset[str] = frozenset()
    embed_origins: frozenset[str] = frozenset()
    # Hosts that outgoing webhooks may reach at private addresses and without TLS.
    outgoing_private_hosts: frozenset[str] = frozenset()
    # Whether everybody on the staff needs a second factor to get into the admin.
    require_second_factor: bool = False

    @property
    def livemode(self) -> bool | None:
        """Whether Stripe's key is a live one; None while there is no key to tell."""
        if self.stripe_secret_key is None:
            return None
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))

    @property
    def public_host(self) -> str:
        return urlsplit(self.public_url).hostname or "localhost"


class Sources:
    """Where settings come from, in the order of precedence."""

    def __init__(self, environ: Mapping[str, str], secrets_dir: Path) -> None:
        self._environ = environ
        self._secrets_dir = secrets_dir

    def get(self, name: str, *, secret: str | None = None) -> str | None:
        """The setting's value without white space around it, or None if it is nowhere.

        ``secret`` names one more Docker secret to look at.
        Raises SettingError when ``NAME_FILE`` names a file that can't be read.
        """
        for look in (self._environ.get, self._from_file):
            if found := (look(name) or "").strip():
                return found
        for file_name in (name.lower(), secret):
            if file_name and (value := self._from_secret(file_name)):
                return value
        return None

    def _from_file(self, name: str) -> str | None:
        path = self._environ.get(f"{name}_FILE")
        if not path:
            return None
        try:
            return Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"the file {path} can't be read ({type(error).__name__})"
            raise SettingError(f"{name}_FILE", problem, "Name a readable text file.") from None

    def _from_secret(self, file_name: str) -> str | None:
        try:
            return (self._secrets_dir / file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None


def data_dir(sources: Sources) -> Path:
    """The folder for what is kept on this machine."""
    stated = sources.get("INSCRIT_DATA_DIR")
    return Path(stated or platformdirs.user_data_path("inscrit")).expanduser()


def load(environ: Mapping[str, str] = os.environ, secrets_dir: Path = SECRETS_DIR) -> Config:
    """Read every setting. Raises SettingError at the first that is wrong."""
    sources = Sources(environ, secrets_dir)
    folder = data_dir(sources)
    database_url = _database_url(sources.get("DATABASE_URL"), sources.get("PG_PASSWORD"))
    return Config(
        database_url=database_url,
        data_dir=folder,
        secret_key=_secret_key(
            sources.get("SECRET_KEY"), None if database_url else folder / "secret_key"
        ),
        public_url=_url("PUBLIC_URL", sources.get("PUBLIC_URL") or "http://localhost:8000"),
        stripe_secret_key=_stripe_key(sources.get("STRIPE_SECRET_KEY", secret="stripe_secret")),  # noqa: S106 - the name of a file
        stripe_webhook_secrets=_webhook_secrets(sources.get("STRIPE_WEBHOOK_SECRET")),
        stripe_api_base=_optional_url("STRIPE_API_BASE", sources.get("STRIPE_API_BASE")),
        email_url=_email_url(sources.get("EMAIL_URL") or "console:"),
        default_from_email=sources.get("DEFAULT_FROM_EMAIL") or "Inscrit <noreply@localhost>",
        organiser_email=sources.get("ORGANISER_EMAIL"),
        time_zone=_time_zone(sources.get("TIME_ZONE") or "Europe/Paris"),
        language_code=_choice("LANGUAGE_CODE", sources.get("LANGUAGE_CODE") or "fr", LANGUAGES),
        log_format=_choice("LOG_FORMAT", sources.get("LOG_FORMAT") or "text", ("text", "json")),
        payload_retention_days=_days(sources.get("PAYLOAD_RETENTION_DAYS") or "400"),
        digest_hour=_hour(sources.get("DIGEST_HOUR") or "7"),
        metrics_token=sources.get("METRICS_TOKEN"),
        cors_origins=_origins("CORS_ORIGINS", sources.get("CORS_ORIGINS")),
        embed_origins=_origins("EMBED_ORIGINS", sources.get("EMBED_ORIGINS")),
        outgoing_private_hosts=_hosts(sources.get("OUTGOING_PRIVATE_HOSTS")),
        require_second_factor=_choice(
            "REQUIRE_SECOND_FACTOR", sources.get("REQUIRE_SECOND_FACTOR") or "no", ("yes", "no")
        )
        == "yes",
        trusted_proxies=_networks(sources.get("TRUSTED_PROXIES") or "127.0.0.1, ::1"),
        drain_seconds=_seconds(sources.get("DRAIN_SECONDS") or "0"),
    )


@cache
def current() -> Config:
    """This process's settings, read at the first call."""
    return load()


def _database_url(value: str | None, password: str | None) -> str | None:
    """The address with the password, unless it states one itself."""
    if value is None:
        return None
    mend = (
        "Write postgresql://user:password@host:5432/name, with %-signs for unusual characters, "
        "or leave it out for the embedded one."
    )
    if not value.startswith(("postgresql://", "postgres://")):
        raise SettingError("DATABASE_URL", "only PostgreSQL is supported", mend)
    try:
        parts = conninfo_to_dict(value)
    except psycopg.ProgrammingError:  # its own text would show a part of the password
        raise SettingError("DATABASE_URL", "it can't be read", mend) from None
    # One for each of several hosts, any of them left out.
    if not all(port.isdigit() for port in str(parts.get("port", "")).split(",") if port):
        raise SettingError("DATABASE_URL", "its port is no number", mend)
    if password is None or "password" in parts:
        return value
    return f"{value}{'&' if '?' in value else '?'}password={quote(password, safe='')}"


def _secret_key(value: str | None, kept_in: Path | None) -> str:
    if value:
        return value
    if kept_in is None:
        mend = "Set it to a long random text, for example from: openssl rand -base64 48"
        raise SettingError("SECRET_KEY", "it is required with DATABASE_URL", mend)
    return _kept_secret_key(kept_in)


def _kept_secret_key(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may start at once: the first to create the file decides.
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # 0600
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.link(file.name, path)
    except FileExistsError:
        pass
    except OSError as error:
        problem = f"{path.parent} can't be written ({error.strerror})"
        raise SettingError("INSCRIT_DATA_DIR", problem, "Name a folder of your own.") from None
    key = path.read_text(encoding="utf-8").strip()
    if not key:
        raise SettingError("SECRET_KEY", f"the file {path} is empty", "Delete it and start again.")
    return key


def _split(value: str) -> SplitResult | None:
    """The parts of an address whose port is a port, else None."""
    try:
        parts = urlsplit(value)
        usable = parts.port != 0  # reading it is what tells a port that is none
    except ValueError:
        return None
    return parts if usable else None


def _url(name: str, value: str) -> str:
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(name, f"{value!r} is no address", "Write https://host, without a path.")
    return value.rstrip("/")


def _optional_url(name: str, value: str | None) -> str | None:
    return None if value is None else _url(name, value)


def _stripe_key(value: str | None) -> str | None:
    prefixes = ("sk_test_", "sk_live_", "rk_test_", "rk_live_")
    if value is None or value.startswith(prefixes):
        return value
    mend = "Copy the secret or restricted key from Stripe's Dashboard, Developers, API keys."
    raise SettingError("STRIPE_SECRET_KEY", "it must begin with sk_ or rk_", mend)


def _webhook_secrets(value: str | None) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(_words(value)))
    if all(secret.startswith("whsec_") for secret in found):
        return found
    mend = "Copy the signing secret of the endpoint from Stripe's Dashboard, Developers, Webhooks."
    raise SettingError("STRIPE_WEBHOOK_SECRET", "each must begin with whsec_", mend)


def _words(value: str | None) -> list[str]:
    return (value or "").replace(",", " ").split()


def _origins(name: str, value: str | None) -> frozenset[str]:
    """Origins as browsers write them (RFC 6454), or ``*`` for all."""
    found = _words(value)
    for one in found:
        parts = _split(one)
        is_origin = (
            parts is not None
            and parts.scheme in ("http", "https")
            and parts.hostname is not None
            and f"{parts.scheme}://{parts.netloc}" == one
            and re.fullmatch(r"[a-z0-9.:\[\]-]+", parts.netloc)
        )
        if one != "*" and not is_origin:
            mend = "Write such as https://www.school.example, in lower case, without a path; or *."
            raise SettingError(name, f"{one!r} is no origin", mend)
    return frozenset(found)


def _hosts(value: str | None) -> frozenset[str]:
    found = [host.lower() for host in _words(value)]
    for one in found:
        if not re.fullmatch(r"[a-z0-9.:_-]+", one):
            problem = f"{one!r} is no host"
            raise SettingError(
                "OUTGOING_PRIVATE_HOSTS", problem, "Write names only, such as erp.lan."
            )
    return frozenset(found)


def _email_url(value: str) -> str:
    parts = _split(value)
    if parts and (
        parts.scheme == "console" or (parts.scheme in ("smtp", "smtps") and parts.hostname)
    ):
        return value
    mend = "Write smtp://user:password@host:587?tls=1, smtps://…:465, or console:"
    raise SettingError("EMAIL_URL", "it is no mail server's address", mend)


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = f"{value!r} is no time zone"
        raise SettingError("TIME_ZONE", problem, "Write one such as Europe/Paris.") from None
    return value


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value in choices:
        return value
    raise SettingError(name, f"{value!r} is not known", f"Choose {' or '.join(choices)}.")


def _days(value: str) -> int:
    if value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    raise SettingError("PAYLOAD_RETENTION_DAYS", f"{value!r} is no number of days", "Write 400.")


def _hour(value: str) -> int | None:
    if value == "off":
        return None
    if value.isascii() and value.isdigit() and int(value) < 24:
        return int(value)
    mend = "Write an hour from 0 to 23, or off."
    raise SettingError("DIGEST_HOUR", f"{value!r} is no hour", mend)


def _networks(value: str) -> tuple[str, ...]:
    """Addresses and networks. An unknown one is refused: it would be trusted by nobody."""
    try:
        return tuple(str(ip_network(one)) for one in _words(value))
    except ValueError:
        problem = f"{value!r} is no list of addresses"
        mend = "Write addresses or networks such as 10.0.0.0/8, separated by commas."
        raise SettingError("TRUSTED_PROXIES", problem, mend) from None


def _seconds(value: str) -> int:
    if value.isascii() and value.isdigit() and int(value) <= LONGEST_DRAIN:
        return int(value)
    problem = f"{value!r} is no number of seconds up to {LONGEST_DRAIN}"
    raise SettingError("DRAIN_SECONDS", problem, "Write 5.")
