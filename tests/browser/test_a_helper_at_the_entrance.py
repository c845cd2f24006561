"""A helper with a phone lets people in: by the camera, by name, and with the network gone."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation  # noqa: TID252
from ..chromium import Launch  # noqa: TID252
from .conftest import PHONE

pytestmark = pytest.mark.browser
PhoneWith = Callable[[Path], Page]
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
FRAME = (640, 480)


def film(picture: bytes, file: Path) -> Path:
    """What a camera sees that is held before this picture: YUV4MPEG2, some frames of grey."""
    seen = Image.new("L", FRAME, 150)
    code = Image.open(io.BytesIO(picture)).convert("L").resize((360, 360))
    seen.paste(code, (140, 60))
    colourless = bytes([128]) * (FRAME[0] * FRAME[1] // 2)
    head = f"YUV4MPEG2 W{FRAME[0]} H{FRAME[1]} F10:1 Ip A1:1 C420\n".encode()
    file.write_bytes(head + (b"FRAME\n" + seen.tobytes() + colourless) * 5)
    return file


@pytest.fixture(scope="module")
def helper(installation: Installation) -> None:
    installation.command(
        "createuser", "yann", "--email", "yann@example.org", "--password", "door-of-the-school"
    )


@pytest.fixture
def phone_with(launch: Launch, installation: Installation, helper: None) -> Iterator[PhoneWith]:
    """A helper's phone, signed in, whose camera sees a film. A script's error fails the test."""
    errors: list[str] = []
    with ExitStack() as closing:

        def take(film: Path) -> Page:
            browser = launch(*CAMERA, f"--use-file-for-fake-video-capture={film}")
            closing.callback(browser.close)
            context = browser.new_context(
                viewport={"width": PHONE["width"], "height": PHONE["height"]},
                locale="fr-FR",
                permissions=["camera"],
            )
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            sign_in(page, installation)
            return page

        yield take
    assert errors == []


def sign_in(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.site}/admin/login/?next=/admin/checkin/")
    page.locator("[name=username]").fill("yann")
    page.locator("[name=password]").fill("door-of-the-school")
    page.locator("[name=password]").press("Enter")
    expect(page.get_by_role("heading", name="Quel accueil")).to_be_visible()


def paid(installation: Installation, event: dict[str, Any], people: int = 2) -> dict[str, Any]:
    made: dict[str, Any] = installation.register(event["id"], people).json()
    installation.pay(made)
    installation.await_status(made, "PAID")
    return made


def code(installation: Installation, made: dict[str, Any]) -> bytes:
    """The picture on the registration's page."""
    address = f"{installation.site}/registrations/{made['id']}/code.png?token={made['token']}"
    answer = httpx.get(address, timeout=10).raise_for_status()
    return answer.content


def start(page: Page) -> None:
    page.get_by_role("button", name="Lire les codes").click()


def test_a_code_is_read_by_the_camera_and_the_second_time_told_as_such(
    phone_with: PhoneWith, installation: Installation, open_event: OpenEvent, tmp_path: Path
) -> None:
    event = open_event(title="Spectacle de fin d’année")
    made = paid(installation, event)
    page = phone_with(film(code(installation, made), tmp_path / "code.y4m"))
    page.get_by_role("link", name="Spectacle de fin d’année").click()
    expect(page.locator(".count")).to_contain_text("0 / 2")
    start(page)
    expect(page.locator(".result.good")).to_contain_text("2 personnes, bienvenue", timeout=20000)
    expect(page.locator(".count")).to_contain_text("2 / 2")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    page.reload()
    start(page)
    expect(page.locator(".result.warn")).to_contain_text("Déjà accueilli à", timeout=20000)
    page.locator(".guests").get_by_role("button", name="Annuler").first.click()
    expect(page.locator(".result")).to_contain_text("Arrivée annulée")
    expect(page.locator(".count")).to_contain_text("1 / 2")


def test_without_a_network_nothing_is_lost(
    phone_with: PhoneWith, installation: Installation, open_event: OpenEvent, tmp_path: Path
) -> None:
    event = open_event(title="Kermesse")
    made = paid(installation, event, 1)
    page = phone_with(film(code(installation, made), tmp_path / "code.y4m"))
    page.goto(f"{installation.site}/admin/checkin/{event['id']}")
    page.context.set_offline(True)
    start(page)
    expect(page.get_by_role("alert")).to_contain_text("1 en attente", timeout=20000)
    expect(page.locator(".result")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.locator(".result.good")).to_contain_text("1 personne, bienvenue", timeout=20000)
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator(".count")).to_contain_text("1 / 1")


def test_what_was_not_sent_survives_a_reload(
    phone_with: PhoneWith, installation: Installation, open_event: OpenEvent, tmp_path: Path
) -> None:
    event = open_event(title="Concert")
    made = paid(installation, event, 1)
    page = phone_with(film(code(installation, made), tmp_path / "code.y4m"))
    page.goto(f"{installation.site}/admin/checkin/{event['id']}")
    page.route("**/admin/checkin/**", refuse_what_is_sent)
    start(page)
    expect(page.get_by_role("alert")).to_contain_text("(503)", timeout=20000)
    page.unroute("**/admin/checkin/**")
    page.reload()
    expect(page.locator(".result.good")).to_contain_text("1 personne, bienvenue", timeout=20000)


def test_two_tabs_of_one_entrance_lose_nothing(
    phone: Page, installation: Installation, open_event: OpenEvent, helper: None
) -> None:
    event = open_event(title="Deux onglets")
    for _family in range(2):
        paid(installation, event, 1)
    sign_in(phone, installation)
    phone.goto(f"{installation.site}/admin/checkin/{event['id']}?q=parent")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    phone.route("**/admin/checkin/**", hold_the_first)
    for button in phone.get_by_role("button", name=re.compile("Accueillir")).all():
        button.click()
    # The other tab has sent the first of the two meanwhile, and been answered.
    phone.evaluate("""
        for (const [key, waiting] of Object.entries(localStorage))
            localStorage.setItem(key, JSON.stringify(JSON.parse(waiting).slice(1)));
    """)
    held[0].continue_()
    expect(phone.locator(".count")).to_contain_text("2 / 2")


def refuse_what_is_sent(route: Any) -> None:
    if route.request.method == "POST":
        route.fulfill(status=503)
    else:
        route.continue_()


def test_a_name_is_found_without_a_camera_and_without_scripts(
    phone_without_scripts: Page,
    installation: Installation,
    open_event: OpenEvent,
    helper: None,
) -> None:
    page = phone_without_scripts
    event = open_event(title="Théâtre sans appareil")
    paid(installation, event, 1)
    sign_in(page, installation)
    page.get_by_role("link", name="Théâtre sans appareil").click()
    page.get_by_label("Nom ou numéro").fill("parent")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("button", name=re.compile("Accueillir")).first.click()
    expect(page.locator(".result.good")).to_contain_text("1 personne, bienvenue")


def test_a_code_of_another_event_is_told_in_red(
    phone_with: PhoneWith, installation: Installation, open_event: OpenEvent, tmp_path: Path
) -> None:
    event = open_event(title="Sortie")
    made = paid(installation, event, 1)
    picture = code(installation, made)
    other = open_event(title="Autre sortie")
    page = phone_with(film(picture, tmp_path / "code.y4m"))
    page.goto(f"{installation.site}/admin/checkin/{other['id']}")
    start(page)
    expect(page.locator(".result.bad")).to_contain_text("Autre événement", timeout=20000)
    expect(page.locator(".result.bad")).to_contain_text("Sortie")
