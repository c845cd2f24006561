"""Whom a network address stands for, where calls are counted."""

import ipaddress

# Who speaks from such an address is our own proxy that does not tell for whom, or one of our
# machines: to limit it would be to limit everybody. See TRUSTED_PROXIES.
OURS = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
    )
)


def network_of(address: str) -> str | None:
    """Whom an address stands for: an IPv6 customer has a whole /64. None for one of ours."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if any(ip in network for network in OURS):
        return None
    prefix = 64 if ip.version == 6 else 32
    return str(ipaddress.ip_network((ip, prefix), strict=False))
