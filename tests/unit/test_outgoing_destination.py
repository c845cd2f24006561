"""Where outgoing webhooks may go."""

import asyncio
import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inscrit import config
from inscrit.outgoing.destination import Forbidden, check, is_public, resolve

PRIVATE = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "0.0.0.0/8",
]


@pytest.mark.parametrize("network", PRIVATE)
@given(data=st.data())
def test_no_address_of_ours_is_public_however_it_is_written(
    network: str, data: st.DataObject
) -> None:
    inside = data.draw(st.ip_addresses(network=ipaddress.IPv4Network(network)))
    number = int(inside)
    for written in (
        str(inside),
        f"::ffff:{inside}",
        str(ipaddress.IPv6Address((0x64FF9B << 96) | number)),
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)),
    ):
        assert not is_public(written), written


@pytest.mark.parametrize("address", ["::1", "::", "fe80::1%eth0", "fc00::1", "fd12::3", "ff02::1"])
def test_nor_is_one_of_ipv6(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_the_internets_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://metadata.internal/",
        "https://user:password@example.org/",
        "https://example.org/#here",
        "https://example.org:99999/",
        "https:///nowhere",
        "ftp://example.org/",
        "file:///etc/passwd",
        "example.org",
        "https://[::1",
        "https://a..b/",
        f"https://{'a' * 70}.example/",
    ],
)
def test_such_an_address_is_refused(url: str) -> None:
    with pytest.raises(Forbidden):
        check(url)


def test_a_usual_address_is_accepted() -> None:
    check("https://example.org/hooks?key=1")
    check("https://example.org:8443/hooks")


@given(st.text())
def test_any_text_is_accepted_or_refused(text: str) -> None:
    told = ""
    try:
        check(f"https://{text}")
    except Forbidden as refused:
        told = str(refused)
    assert told == "" or told.endswith(".")


@pytest.mark.parametrize("url", ["https://2130706433/", "https://0x7f.1/", "https://127.1/"])
def test_an_address_in_disguise_is_seen_when_it_is_resolved(url: str) -> None:
    with pytest.raises((Forbidden, OSError)):
        asyncio.run(resolve(url))


def test_a_name_with_one_private_address_among_others_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("1.1.1.1", 443)), (2, 1, 6, "", ("10.0.0.7", 443))]

    async def look() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both, raising=False)
        await resolve("https://rebinding.example/")

    with pytest.raises(Forbidden):
        asyncio.run(look())


def test_the_connection_goes_to_the_address_that_was_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = replace(config.current(), outgoing_private_hosts=frozenset({"localhost"}))
    monkeypatch.setattr(config, "current", lambda: allowed)
    there = asyncio.run(resolve("http://localhost:8012/a?b=c"))
    assert there.pinned_url in ("http://127.0.0.1:8012/a?b=c", "http://[::1]:8012/a?b=c")
    assert there.authority == "localhost:8012"
    assert there.host == "localhost"
