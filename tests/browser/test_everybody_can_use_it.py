"""No page shuts anybody out: axe finds nothing, nothing has to be pushed aside, keys suffice."""

import re

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation  # noqa: TID252
from .addresses import API, PUBLIC
from .everybody import LANGUAGES, RULES, WITHOUT_HEADINGS, complaints, cut_off, fits, visitor
from .steps import PUBLIC_STEPS
from .town import Town

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 800}
NARROW = {"width": 320, "height": 640}


# What is not simply found.
STATUS = {"not found": 404, "a link that is too old": 410}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PUBLIC)
def test_axe_finds_nothing_on_a_public_page(
    chromium: Browser, installation: Installation, town: Town, name: str, language: str
) -> None:
    with visitor(chromium, language, viewport=PHONE) as context:
        page = context.new_page()
        answer = page.goto(installation.site + PUBLIC[name](town))
        assert answer is not None
        assert answer.status == STATUS.get(name, 200)
        assert page.locator("html").get_attribute("lang") == language
        assert complaints(page, RULES) == []


def test_axe_finds_nothing_on_the_apis_page(chromium: Browser, installation: Installation) -> None:
    with visitor(chromium, "en", viewport=NARROW) as context:
        page = context.new_page()
        page.goto(installation.site + API)
        page.locator("h1").wait_for()
        assert fits(page)
        assert complaints(page, WITHOUT_HEADINGS) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PUBLIC_STEPS)
def test_axe_finds_nothing_on_the_answer_of_a_public_page(
    chromium: Browser, installation: Installation, town: Town, name: str, language: str
) -> None:
    address, step = PUBLIC_STEPS[name]
    with visitor(chromium, language, viewport=PHONE) as context:
        page = context.new_page()
        page.goto(installation.site + address(town))
        step(page)
        assert page.locator("html").get_attribute("lang") == language
        assert complaints(page, RULES) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_from_a_second_factor_to_logging_out(
    chromium: Browser, installation: Installation, town: Town, language: str
) -> None:
    with visitor(chromium, language, viewport=PHONE) as context:
        page = context.new_page()
        for second_time in (False, True):
            page.goto(f"{installation.site}/admin/login/?next=/account/second-factor/")
            page.locator("[name=username]").fill("otto")
            page.locator("[name=password]").fill("trois-poules-rousses")
            page.locator("[name=password]").press("Enter")
            if second_time:
                break
            page.wait_for_url("**/account/second-factor/")
            page.goto(f"{installation.site}/account/second-factor/set-up/")
            secret = page.locator("code").inner_text().replace(" ", "")
            page.locator("[name=code]").fill(pyotp.TOTP(secret).now())
            page.locator("[name=code]").press("Enter")
            recovery = page.locator(".codes li").first.inner_text()
            assert complaints(page, RULES) == []
            context.clear_cookies()
        page.locator("[name=code]").wait_for()
        assert complaints(page, RULES) == []
        page.locator("[name=code]").fill(recovery)
        page.locator("[name=code]").press("Enter")
        page.wait_for_url("**/admin/")
        page.goto(f"{installation.site}/account/second-factor/")
        assert complaints(page, RULES) == []
        page.locator("form[action*=remove] button").click()
        page.locator("[role=status]").wait_for()
        page.goto(f"{installation.site}/admin/")
        page.locator("#logout-form button").click()
        page.wait_for_url("**/admin/logout/")
        assert complaints(page, RULES) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_at_320_pixels_which_is_400_percent_nothing_has_to_be_pushed_aside(
    chromium: Browser, installation: Installation, town: Town, name: str
) -> None:
    with visitor(chromium, "fr", viewport=NARROW) as context:
        page = context.new_page()
        page.goto(installation.site + PUBLIC[name](town))
        assert fits(page)
        assert cut_off(page) == []


@pytest.mark.parametrize("name", ["list", "event", "registration, paid"])
def test_with_letters_twice_as_large_nothing_has_to_be_pushed_aside(
    chromium: Browser, installation: Installation, town: Town, name: str
) -> None:
    with visitor(chromium, "fr", viewport={"width": 640, "height": 512}) as context:
        page = context.new_page()
        page.goto(installation.site + PUBLIC[name](town))
        page.add_style_tag(content="html { font-size: 200% }")
        assert fits(page)
        clipped = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(one => one.scrollWidth >"
            " one.clientWidth + 1 && getComputedStyle(one).overflowX === 'hidden'"
            " && !one.matches('.unseen, .picture')).map(one => one.outerHTML.slice(0, 99))"
        )
        assert clipped == []


@pytest.mark.parametrize("name", ["list", "event", "event, full"])
def test_whoever_wants_no_motion_sees_none(
    chromium: Browser, installation: Installation, town: Town, name: str
) -> None:
    with visitor(chromium, "fr", reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(installation.site + PUBLIC[name](town))
        moving = page.evaluate(
            "[...document.querySelectorAll('*')].filter(one => { const s = getComputedStyle(one);"
            " return parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none'"
            " || s.scrollBehavior === 'smooth' }).map(one => one.outerHTML.slice(0, 99))"
        )
        assert moving == []


def focused(page: Page) -> str:
    """What the keyboard is on, by its name."""
    name: str = page.evaluate(
        "(one => one.labels?.[0]?.textContent || one.textContent || one.name)"
        "(document.activeElement).trim().replace(/\\s+/g, ' ')"
    )
    return name


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until something of this name is reached; it has to be seen that it is."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if re.match(wanted, focused(page)):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"no way to {wanted}; the last was {focused(page)}")


def type_card(page: Page) -> None:
    for name, value in (
        ("card_number", "4242424242424242"), ("exp", "12 / 34"), ("cvc", "123"), ("name", "Martin"),
    ):  # fmt: skip
        for _ in range(40):
            if page.evaluate("document.activeElement.name") == name:
                break
            page.keyboard.press("Tab")
        page.keyboard.type(value)
    page.keyboard.press("Enter")


def test_the_keyboard_alone_registers_and_pays(
    chromium: Browser, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Au clavier")
    with visitor(chromium, "fr") as context:
        page = context.new_page()
        page.goto(installation.site)
        page.keyboard.press("Tab")
        assert focused(page) == "Aller au contenu"
        page.keyboard.press("Enter")
        tab_to(page, "Au clavier")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/events/{event['slug']}")
        tab_to(page, "Votre nom")
        page.keyboard.type("Camille Martin")
        tab_to(page, "Votre adresse")
        page.keyboard.type("camille@example.org")
        tab_to(page, "Prénom")
        page.keyboard.type("Léa")
        tab_to(page, "Nom")
        page.keyboard.type("Martin")
        tab_to(page, "Ajouter")
        page.keyboard.press("Enter")
        expect(
            page.get_by_role("group", name="Participant 2").get_by_label("Prénom")
        ).to_be_focused()
        page.keyboard.type("Noé")
        tab_to(page, "S’inscrire")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{installation.sandbox}/**")
        type_card(page)
        expect(page.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)
    assert installation.places(event["id"])["confirmed"] == 2


def test_a_payment_in_one_window_moves_the_places_in_the_others(
    chromium: Browser, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Deux fenêtres", capacity=6)
    with visitor(chromium, "fr") as one, visitor(chromium, "en", color_scheme="dark") as other:
        page, card = one.new_page(), other.new_page()
        page.goto(f"{installation.site}/events/{event['slug']}")
        card.goto(installation.site)
        tag = card.locator(f"[data-places='{event['id']}']")
        expect(page.locator(".places")).to_have_text("Encore 6 places")
        expect(tag).to_have_text("6 places left")
        buyer = one.new_page()
        buyer.goto(f"{installation.site}/events/{event['slug']}")
        buyer.get_by_label("Votre nom").fill("Camille Martin")
        buyer.get_by_label("Votre adresse e-mail").fill("camille@example.org")
        buyer.get_by_label("Prénom").fill("Léa")
        buyer.get_by_label("Nom", exact=True).fill("Martin")
        buyer.get_by_role("button", name=re.compile("^S’inscrire")).click()
        buyer.wait_for_url(f"{installation.sandbox}/**")
        expect(tag).to_have_text("Last 5 places")
        expect(page.locator(".places")).to_have_text(re.compile("Plus que 5 places"))
        buyer.locator("[name=card_number]").focus()
        type_card(buyer)
        expect(buyer.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)
        installation.register(event["id"], 5).raise_for_status()
        expect(tag).to_have_text(re.compile(r"Sold out: the next place may come free at \d+:\d\d"))
        expect(tag).to_have_class(re.compile("none"))
        assert installation.places(event["id"])["confirmed"] == 1


def test_a_page_nobody_looks_at_follows_nothing_and_is_right_when_looked_at_again(
    chromium: Browser, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(capacity=4)
    with visitor(chromium, "fr") as context:
        page = context.new_page()
        page.goto(f"{installation.site}/events/{event['slug']}")
        look = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden,"
        look += " configurable: true}); document.dispatchEvent(new Event('visibilitychange')) }"
        page.evaluate(look, True)
        installation.register(event["id"], 3)
        expect(page.locator(".places")).to_have_text(re.compile("Plus que 4 places"))
        page.evaluate(look, False)
        expect(page.locator(".places")).to_have_text(re.compile("Plus qu’une place"))


def test_axe_finds_nothing_where_we_failed(chromium: Browser, installation: Installation) -> None:
    """Last of all, as it takes the database away."""
    installation.stop_database()
    try:
        for language in LANGUAGES:
            with visitor(chromium, language, viewport=PHONE) as context:
                page = context.new_page()
                answer = page.goto(installation.site)
                assert answer is not None
                assert answer.status == 503
                assert complaints(page, RULES) == []
    finally:
        installation.start_database()
        installation.await_answers()
