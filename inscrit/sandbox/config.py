"""How one sandbox is set up."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


class SandboxError(Exception):
    """Something a person can mend; the message says how."""


@dataclass(frozen=True)
class SandboxConfig:
    """Where the sandbox listens, whom it tells, and how it behaves.

    ``data_dir`` holds the state (``sandbox.sqlite3``); without it everything is in memory.
    ``webhook_url`` is registered at the start as an endpoint for all event types, signed with
    ``webhook_secret`` or, without one, with a secret that is generated once and kept.
    ``public_url`` is how browsers reach the sandbox, if not by host and port.
    ``retry_delays`` are the seconds between one delivery attempt and the next, on the sandbox's
    own clock; ``webhook_timeout`` is how many seconds an endpoint has to answer; ``patience``
    how many the checkout page waits for that answer before it sends the buyer back (Stripe: 10,
    https://docs.stripe.com/checkout/fulfillment).
    """

    host: str = "127.0.0.1"
    port: int = 12111
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    data_dir: Path | None = None
    public_url: str | None = None
    allow_public: bool = False
    language: str | None = None
    rate_limits: bool = True
    retry_delays: tuple[float, ...] = (2, 5, 15, 60, 300, 1800, 7200)
    webhook_timeout: float = 20
    patience: float = 10

    @property
    def origin(self) -> str:
        """The address that stands in the links the sandbox gives out, without a last slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        return f"http://{bracketed(self.host)}:{self.port}"

    @property
    def known_hosts(self) -> list[str]:
        """The names it answers to: a website's own name may be made to lead here as well."""
        if self.allow_public:
            return ["*"]
        public = urlsplit(self.public_url or "").hostname
        names = ["127.0.0.1", "localhost", "[::1]", bracketed(self.host)]
        return [*names, bracketed(public)] if public else names


def bracketed(host: str) -> str:
    """As it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
