"""No page shuts anybody out: axe finds nothing, nothing has to be pushed aside, keys suffice."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal, TypeAlias

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation  # noqa: TID252
from .addresses import ADMIN, PUBLIC, Town
from .conftest import SignIn
from .test_a_secretary_at_the_desk import fits

pytestmark = pytest.mark.browser

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# Django's own pages: headings that skip a level, its own landmarks.
ADMIN_RULES = RULES | {"runOnly": RULES["runOnly"][:-1]}
Scheme: TypeAlias = Literal["light", "dark"]
SitDown: TypeAlias = Callable[[str], Page]
LANGUAGES = {"fr": "fr-FR", "en": "en-GB"}
NARROW = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def town(installation: Installation) -> Town:
    from ..acceptance.conftest import publisher  # noqa: TID252

    with installation.organiser("builder") as organiser:
        return Town.build(installation, publisher(organiser))


def visitor(chromium: Browser, language: str, **more: Any) -> BrowserContext:
    return chromium.new_context(locale=LANGUAGES[language], **more)


def complaints(page: Page, rules: dict[str, list[str]]) -> list[str]:
    """What axe has to say in light and in dark colours, a line for each element."""
    return [
        f"{scheme}: {one['id']}: {one['help']}: {node['html'][:160]} {node['any'][:1]}"
        for scheme in ("light", "dark")
        for one in look(page, scheme, rules)
        for node in one["nodes"]
    ]


def look(page: Page, scheme: Scheme, rules: dict[str, list[str]]) -> list[dict[str, Any]]:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour is half-way
    found: list[dict[str, Any]] = Axe().run(page, options=rules).response["violations"]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PUBLIC)
def test_axe_finds_nothing_on_a_public_page(
    chromium: Browser, installation: Installation, town: Town, name: str, language: str
) -> None:
    with visitor(chromium, language, viewport={"width": 390, "height": 800}) as context:
        page = context.new_page()
        page.goto(installation.site + PUBLIC[name](town))
        assert page.locator("html").get_attribute("lang") == language
        assert complaints(page, RULES) == []


@pytest.fixture(scope="module")
def desk(chromium: Browser, sign_in: SignIn) -> Iterator[SitDown]:
    """A signed-in secretary's page, in the language asked for."""
    with chromium.new_context(locale="fr-FR") as first:
        sign_in(first.new_page())
        cookies = first.cookies()
    contexts: list[BrowserContext] = []

    @cache
    def sit_down(language: str) -> Page:
        context = visitor(chromium, language)
        context.add_cookies(cookies)  # type: ignore[arg-type]
        contexts.append(context)
        return context.new_page()

    yield sit_down
    for context in contexts:
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ADMIN)
def test_axe_finds_nothing_at_the_desk(
    installation: Installation,
    town: Town,
    desk: SitDown,
    name: str,
    language: str,
) -> None:
    page = desk(language)
    page.goto(installation.site + ADMIN[name](town))
    assert complaints(page, ADMIN_RULES) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_at_320_pixels_which_is_400_percent_nothing_has_to_be_pushed_aside(
    chromium: Browser, installation: Installation, town: Town, name: str
) -> None:
    with visitor(chromium, "fr", viewport=NARROW) as context:
        page = context.new_page()
        page.goto(installation.site + PUBLIC[name](town))
        assert fits(page)


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
