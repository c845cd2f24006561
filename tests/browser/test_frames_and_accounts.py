"""An event in a school's own page, the API's pages under a strict policy, the way in on a phone."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation, folder_for_a_database  # noqa: TID252
from .everybody import fits

pytestmark = pytest.mark.browser
PASSWORD = "trois-poules"
STRICT = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One that lets others show its events."""
    with folder_for_a_database() as folder:
        it = Installation(folder, settings={"EMBED_ORIGINS": "*"})
        try:
            it.start_all()
            yield it
        finally:
            it.stop_all()


@pytest.fixture(scope="module")
def organiser(installation: Installation) -> Iterator[Any]:
    with installation.organiser("frames") as client:
        yield client


@pytest.fixture
def school() -> Iterator[tuple[str, dict[str, str]]]:
    """Another site: its address, and its page's HTML to be filled in."""
    page = {"html": ""}

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page["html"].encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", page
    server.shutdown()


def test_a_parent_registers_from_the_schools_own_page(
    phone: Page,
    installation: Installation,
    open_event: OpenEvent,
    school: tuple[str, dict[str, str]],
) -> None:
    event = open_event(title="Stage de cirque", capacity=6)
    address, page = school
    source = f"{installation.site}/embed/events/{event['slug']}?lang=fr"
    page["html"] = f'<iframe src="{source}" width="100%" height="260"></iframe>'
    phone.goto(address)
    frame = phone.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Stage de cirque")).to_be_visible()
    expect(frame.locator(".places")).to_have_text("Encore 6 places")
    installation.register(event["id"])
    expect(frame.locator(".places")).to_have_text("Plus que 4 places")
    frame.get_by_role("link", name="S’inscrire").click()
    phone.wait_for_url(f"{installation.site}/events/{event['slug']}")


def test_the_apis_pages_need_no_other_site_and_nothing_inline(
    chromium: Browser, installation: Installation
) -> None:
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))

    def strictly(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": STRICT})

    page.route("**/api/docs", strictly)
    page.goto(f"{installation.site}/api/docs")
    expect(page.get_by_text("/api/v1/webhook-endpoints", exact=True).first).to_be_visible()
    assert all(url.startswith((installation.site, "data:")) for url in asked), asked
    assert complaints == []
    page.close()


def test_an_organiser_sets_up_a_second_factor_on_a_phone_and_another_removes_it(
    phone: Page, installation: Installation
) -> None:
    for name in ("ines", "agathe"):
        installation.command("createuser", name, "--role", "organiser", "--password", PASSWORD)
    for second_time in (False, True):
        log_in(phone, installation, "ines")
        if second_time:
            break
        phone.goto(f"{installation.site}/account/second-factor/set-up/")
        assert fits(phone)
        secret = phone.locator("code").inner_text().replace(" ", "")
        phone.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
        phone.get_by_role("button", name="L’utiliser désormais").click()
        expect(phone.locator(".codes li")).to_have_count(10)
        recovery = phone.locator(".codes li").first.inner_text()
        phone.context.clear_cookies()
    expect(phone.get_by_role("heading", name="Le code de votre téléphone")).to_be_visible()
    phone.get_by_label("Code", exact=True).fill(recovery)
    phone.get_by_role("button", name="Continuer").click()
    expect(phone.get_by_role("heading", name="Organisateurs")).to_be_visible()

    # The phone is lost, and so are the codes.
    phone.context.clear_cookies()
    log_in(phone, installation, "agathe")
    phone.goto(f"{installation.site}/admin/auth/user/?q=ines")
    phone.get_by_role("link", name="ines").click()
    phone.get_by_role("link", name="Retirer le second facteur").click()
    expect(phone.get_by_text("Le mot de passe seul")).to_be_visible()
    assert fits(phone)
    phone.get_by_role("button", name="Oui, je confirme").click()
    expect(phone.get_by_text("Le second facteur est retiré.")).to_be_visible()
    phone.context.clear_cookies()
    log_in(phone, installation, "ines")
    expect(phone.get_by_role("heading", name="Organisateurs")).to_be_visible()


def log_in(phone: Page, installation: Installation, name: str) -> None:
    phone.goto(f"{installation.site}/admin/login/")
    phone.get_by_label("Nom d’utilisateur").fill(name)
    phone.get_by_label("Mot de passe").fill(PASSWORD)
    assert fits(phone)
    phone.get_by_role("button", name="Se connecter").click()
