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
from playwright.sync_api import Browser, Locator, Page, Route, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation  # noqa: TID252
from ..chromium import Launch  # noqa: TID252
from .conftest import PHONE
from .everybody import RULES, complaints, fits, visitor

pytestmark = pytest.mark.browser
PhoneWith = Callable[[Path], Page]
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
FRAME = (640, 480)
# What the page says by language, and its link.
LOGGED_OUT = {
    "fr": ("terminée : 2 en attente. Rien n’est perdu", "Se reconnecter"),
    "en": ("logged out: 2 not yet sent. It is kept", "Log in again"),
}


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
    give_the_password(page)
    expect(page.get_by_role("heading", name="Quel accueil")).to_be_visible()


def give_the_password(page: Page) -> None:
    page.locator("[name=username]").fill("yann")
    page.locator("[name=password]").fill("door-of-the-school")
    page.locator("[name=password]").press("Enter")


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
    expect(page.locator("#trouble")).to_contain_text("1 en attente", timeout=20000)
    expect(page.locator(".result")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.locator(".result.good")).to_contain_text("1 personne, bienvenue", timeout=20000)
    expect(page.locator("#trouble")).to_be_hidden()
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
    expect(page.locator("#trouble")).to_contain_text("(503)", timeout=20000)
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


@pytest.fixture
def three_to_let_in(
    phone: Page, installation: Installation, open_event: OpenEvent, helper: None
) -> tuple[str, list[Locator]]:
    """The event, and a button for each: two of a family, asked at one moment, and somebody else.

    The two were let in with their family's code, though they stood outside still.
    """
    event = open_event(title="Trois personnes")
    family, other = paid(installation, event, 2), paid(installation, event, 1)
    sign_in(phone, installation)
    phone.goto(f"{installation.site}/admin/checkin/{event['id']}?q=parent")
    found = phone.locator(".found li")
    let_in(found.filter(has=phone.locator(f"[value='{family['id']}']"))).click()
    for still in (1, 0):
        phone.locator(".guests").get_by_role("button", name="Annuler").first.click()
        expect(phone.locator(".count")).to_contain_text(f"{still} / 3")
    two = [let_in(phone.locator(".guests li").nth(n)) for n in range(2)]
    one = let_in(found.filter(has=phone.locator(f"[value='{other['id']}']")))
    return event["id"], [*two, one]


def let_in(somebody: Locator) -> Locator:
    return somebody.get_by_role("button", name=re.compile("Accueillir|Let in"))


def arrivals(installation: Installation, event_id: str) -> list[int]:
    """For each participant of an event, how often they have come in; taken back, it is no time."""
    rows = installation.query(
        """
        SELECT count(arrival.id) FILTER (WHERE undone_at IS NULL)
        FROM registrations_participant AS participant
        JOIN registrations_registration AS registration ON registration.id = registration_id
        LEFT JOIN checkin_arrival AS arrival ON arrival.participant_id = participant.id
        WHERE event_id = %s
        GROUP BY participant.id
        """,
        event_id,
    )
    return [times for (times,) in rows]


def test_without_a_network_two_of_a_family_and_somebody_else_are_let_in(
    phone: Page, installation: Installation, three_to_let_in: tuple[str, list[Locator]]
) -> None:
    event_id, buttons = three_to_let_in
    phone.context.set_offline(True)
    for button in buttons:
        button.click()
    expect(phone.locator("#trouble")).to_contain_text("3 en attente")
    assert arrivals(installation, event_id) == [0, 0, 0]
    phone.context.set_offline(False)
    expect(phone.locator(".count")).to_contain_text("3 / 3", timeout=20000)
    expect(phone.locator(".result.good")).to_contain_text("1 personne, bienvenue")
    expect(phone.locator(".found .mark.already")).to_have_count(2)
    expect(phone.locator("#trouble")).to_be_hidden()
    assert arrivals(installation, event_id) == [1, 1, 1]


def test_of_those_sent_at_once_a_refusal_stays_in_sight(
    phone: Page, installation: Installation, three_to_let_in: tuple[str, list[Locator]]
) -> None:
    _event_id, (first, second, third) = three_to_let_in
    phone.context.set_offline(True)
    phone.evaluate("ask({ deed: 'scan', code: 'no code of ours' })")
    first.click()
    second.click()
    phone.context.set_offline(False)
    expect(phone.locator(".count")).to_contain_text("2 / 3", timeout=20000)
    expect(phone.locator("#result .result")).to_have_count(2)
    expect(phone.locator("#result .result.bad")).to_be_visible()
    expect(phone.locator("#result .result.good")).to_be_visible()
    third.click()
    expect(phone.locator(".count")).to_contain_text("3 / 3")
    expect(phone.locator("#result .result")).to_have_count(1)


def test_who_is_let_in_before_the_answer_about_the_first_of_a_family_is_let_in_too(
    phone: Page, installation: Installation, three_to_let_in: tuple[str, list[Locator]]
) -> None:
    event_id, (first, *others) = three_to_let_in
    before: list[list[int]] = []

    def press_the_others_before_the_answer(route: Route) -> None:
        if before:
            return route.continue_()
        answer = route.fetch()
        for button in others:
            button.click()
        before.append(sorted(arrivals(installation, event_id)))
        return route.fulfill(response=answer)

    phone.route("**/admin/checkin/**", press_the_others_before_the_answer)
    first.click()
    expect(phone.locator(".count")).to_contain_text("3 / 3")
    expect(phone.locator("#trouble")).to_be_hidden()
    assert before == [[0, 0, 1]]
    assert arrivals(installation, event_id) == [1, 1, 1]


def let_the_login_lapse(page: Page, installation: Installation) -> None:
    """As after twelve hours; the browser does not know it yet."""
    (session,) = (one for one in page.context.cookies() if one["name"] == "sessionid")
    lapsed = installation.query(
        "UPDATE django_session SET expire_date = now() WHERE session_key = %s RETURNING 1",
        session["value"],
    )
    assert len(lapsed) == 1


@pytest.mark.parametrize("language", LOGGED_OUT)
def test_a_login_that_lapses_at_the_entrance_loses_nobody(
    chromium: Browser,
    installation: Installation,
    open_event: OpenEvent,
    helper: None,
    language: str,
) -> None:
    said, way = LOGGED_OUT[language]
    event = open_event(title="Fête de nuit")
    for _family in range(2):
        paid(installation, event, 1)
    with visitor(chromium, language, viewport=PHONE) as context:
        page = context.new_page()
        page.goto(entrance := f"{installation.site}/admin/checkin/{event['id']}?q=parent%20test")
        give_the_password(page)
        expect(let_in(page.locator(".found"))).to_have_count(2)
        page.wait_for_load_state()  # with its script: without one, a press is an ordinary form
        let_the_login_lapse(page, installation)
        for button in let_in(page.locator(".found")).all():
            button.click()
        expect(page.locator("#trouble")).to_contain_text(said)
        assert complaints(page, RULES) == []
        assert fits(page)
        assert arrivals(installation, event["id"]) == [0, 0]
        page.get_by_role("link", name=way).click()
        give_the_password(page)
        expect(page.locator(".count")).to_contain_text("2 / 2")
        expect(page).to_have_url(entrance)
        expect(page.locator("#trouble")).to_be_hidden()
        assert arrivals(installation, event["id"]) == [1, 1]


def test_who_logs_in_again_in_another_tab_loses_nobody(
    phone: Page, installation: Installation, three_to_let_in: tuple[str, list[Locator]]
) -> None:
    event_id, buttons = three_to_let_in
    let_the_login_lapse(phone, installation)
    for button in buttons:
        button.click()
    expect(phone.get_by_role("link", name="Se reconnecter")).to_be_visible()
    sign_in(phone.context.new_page(), installation)
    expect(phone.locator(".count")).to_contain_text("3 / 3", timeout=20000)
    expect(phone.locator("#trouble")).to_be_hidden()
    assert arrivals(installation, event_id) == [1, 1, 1]


def refuse_what_is_sent(route: Any) -> None:
    if route.request.method == "POST":
        route.fulfill(status=503)
    else:
        route.continue_()


def test_one_that_is_refused_for_good_holds_up_nobody_and_is_told(
    phone: Page, installation: Installation, three_to_let_in: tuple[str, list[Locator]]
) -> None:
    event_id, (first, second, third) = three_to_let_in

    def refuse_one(route: Route) -> None:
        body = route.request.post_data or ""
        if "REG-ODD" in body:
            route.fulfill(status=400)
        else:
            route.continue_()

    phone.route("**/admin/checkin/**", refuse_one)
    phone.context.set_offline(True)
    phone.evaluate("ask({ deed: 'scan', code: 'INSCRIT:REG-ODD:$&' })")
    first.click()
    second.click()
    phone.context.set_offline(False)
    expect(phone.locator(".count")).to_contain_text("2 / 3", timeout=20000)
    told = phone.locator("#refusals")
    expect(told).to_contain_text("REG-ODD")
    expect(told).to_contain_text("(400)")
    assert complaints(phone, RULES) == []
    assert fits(phone)
    third.click()
    expect(phone.locator(".count")).to_contain_text("3 / 3")
    expect(told).to_be_visible()
    expect(phone.locator("#trouble")).to_be_hidden()
    assert arrivals(installation, event_id) == [1, 1, 1]


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
