"""Where a message may go: to the public internet by HTTPS, and to hosts that are named for it.

The name is resolved once, every address it has is looked at, and the connection goes to the one
that was looked at: a name that answers otherwise the next time (DNS rebinding) leads nowhere.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from inscrit import config

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses that carry an IPv4 address inside: https://www.rfc-editor.org/rfc/rfc6052
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Forbidden(Exception):
    """Nothing is sent there; the message says why."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An address whose name is resolved: ``ip`` is where to connect to."""

    url: str
    scheme: str
    host: str
    port: int
    ip: str
    target: str

    @property
    def pinned_url(self) -> str:
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{self.scheme}://{ip}:{self.port}{self.target}"

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return host if usual else f"{host}:{self.port}"


def check(url: str) -> None:
    """Whether an address is of the right form. Raises Forbidden with a sentence for a person."""
    _parts(url, config.current().outgoing_private_hosts)


async def resolve(url: str) -> Destination:
    """Where to connect to. Raises Forbidden, OSError."""
    private = config.current().outgoing_private_hosts
    scheme, host, port, target = _parts(url, private)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_rest, sockaddr in found))
    if host not in private and not all(map(is_public, addresses)):
        raise Forbidden(_("The name leads to a private address."))
    return Destination(url, scheme, host, port, addresses[0], target)


def is_public(address: str) -> bool:
    """Whether it is somebody's on the internet: not ours, not this machine's, not everybody's."""
    ip = _carried(ipaddress.ip_address(address.partition("%")[0]))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _carried(ip: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip


def _parts(url: str, private: Collection[str]) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".").encode("idna").decode()
    except ValueError:  # UnicodeError is one
        raise Forbidden(_("This is no address.")) from None
    if not host or parts.scheme not in ("http", "https"):
        raise Forbidden(_("Write an address such as https://example.org/webhooks."))
    if parts.username is not None or parts.fragment:
        raise Forbidden(_("Write the address without a user name and without #."))
    if parts.scheme == "http" and host not in private:
        raise Forbidden(_("Only https:// is accepted."))
    if host not in private and not _may_be_public(host):
        raise Forbidden(_("The name leads to a private address."))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target


def _may_be_public(host: str) -> bool:
    """False for an address that is written out and private; names are looked up when sending."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return False
    try:
        return is_public(host)
    except ValueError:
        return True
