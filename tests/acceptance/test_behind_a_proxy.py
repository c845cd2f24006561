"""What a proxy says of a request is believed only where the proxy is trusted."""

from collections.abc import Iterator

import httpx
import pytest

from .installation import Installation
from .test_leaving import Web, another_web

PUBLIC = "inscriptions.example.org"
BY_HTTPS = {"host": PUBLIC, "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}


@pytest.fixture(scope="module", params=["127.0.0.0/8", "10.0.0.0/8"], ids=["trusted", "stranger"])
def proxied(
    request: pytest.FixtureRequest, installation: Installation
) -> Iterator[tuple[Web, bool]]:
    settings = {"PUBLIC_URL": f"https://{PUBLIC}", "TRUSTED_PROXIES": request.param}
    with another_web(installation, **settings) as web:
        yield web, request.param == "127.0.0.0/8"


def test_only_a_trusted_proxy_says_that_a_request_came_by_https(proxied: tuple[Web, bool]) -> None:
    web, trusted = proxied
    answer = httpx.get(f"{web.address}/", headers=BY_HTTPS)
    assert answer.status_code == 200
    assert ("strict-transport-security" in answer.headers) is trusted


def test_cookies_are_for_https_only(proxied: tuple[Web, bool]) -> None:
    web, _ = proxied
    answer = httpx.get(f"{web.address}/admin/login/", headers=BY_HTTPS)
    assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))
    assert answer.headers.get_list("set-cookie")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_machines_may_ask_by_any_name(proxied: tuple[Web, bool], path: str) -> None:
    web, _ = proxied
    asked = httpx.get(web.address + path, headers={"host": "tasks.inscrit_web:8000"})
    assert asked.status_code == 200


def test_people_may_ask_by_the_public_name_only(proxied: tuple[Web, bool]) -> None:
    web, _ = proxied
    assert httpx.get(f"{web.address}/", headers={"host": "elsewhere.example"}).status_code == 400
