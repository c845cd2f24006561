"""Axe finds nothing on any page of the staff's either, and none of them is forgotten here."""

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import TypeAlias

import httpx
import pytest
from playwright.sync_api import Browser, Page

from inscrit.mail.samples import SAMPLES

from ..acceptance.installation import Installation  # noqa: TID252
from .addresses import DESK, NO_PAGE, filled, routes, shown, why_no_page
from .conftest import PHONE, SignIn
from .everybody import LANGUAGES, WITHOUT_HEADINGS, complaints, covered, cut_off, fits, visitor
from .steps import DESK_STEPS
from .town import Town

pytestmark = pytest.mark.browser
Cookies: TypeAlias = dict[str, str]
# What is not simply found.
STATUS = {"not allowed": 403, "not understood": 400}


@pytest.fixture(scope="module")
def cookies(chromium: Browser, sign_in: SignIn) -> Cookies:
    """A signed-in secretary's."""
    with chromium.new_context(locale="fr-FR") as context:
        sign_in(context.new_page())
        return {one["name"]: one["value"] for one in context.cookies()}


@pytest.fixture(scope="module")
def seats(
    chromium: Browser, installation: Installation, cookies: Cookies
) -> Iterator[dict[str, Page]]:
    """A page at the desk in each language."""
    contexts = {language: visitor(chromium, language) for language in LANGUAGES}
    for context in contexts.values():
        context.add_cookies(
            [
                {"name": name, "value": value, "url": installation.site}
                for name, value in cookies.items()
            ]
        )
    yield {language: context.new_page() for language, context in contexts.items()}
    for context in contexts.values():
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", DESK)
def test_axe_finds_nothing_at_the_desk(
    seats: dict[str, Page], installation: Installation, town: Town, name: str, language: str
) -> None:
    page = seats[language]
    answer = page.goto(installation.site + DESK[name](town))
    assert answer is not None
    assert answer.status == STATUS.get(name, 200)
    assert page.locator("html").get_attribute("lang") == language
    assert covered(page) == []
    assert complaints(page, WITHOUT_HEADINGS) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", DESK_STEPS)
def test_axe_finds_nothing_on_an_answer_at_the_desk(
    seats: dict[str, Page], installation: Installation, town: Town, name: str, language: str
) -> None:
    address, step = DESK_STEPS[name]
    page = seats[language]
    page.goto(installation.site + address(town))
    step(page)
    assert complaints(page, WITHOUT_HEADINGS) == []


@pytest.mark.parametrize("name", DESK)
def test_at_the_desk_a_phone_is_wide_enough(
    seats: dict[str, Page], installation: Installation, town: Town, name: str
) -> None:
    page = seats["fr"]
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    page.goto(installation.site + DESK[name](town))
    assert fits(page)
    assert cut_off(page) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_axe_finds_nothing_in_a_mail(
    seats: dict[str, Page], installation: Installation, name: str, language: str
) -> None:
    page = seats[language]
    way = f"/admin/mail/message/preview/body/?sample={name}&language={language}"
    page.goto("about:blank")  # another page's policy would forbid its styles
    page.set_content(page.request.get(installation.site + way).text())
    assert page.locator("html").get_attribute("lang") == language
    assert complaints(page, WITHOUT_HEADINGS) == []


def test_no_page_is_forgotten(town: Town) -> None:
    unseen = set(routes()) - shown(town)
    assert sorted(route for route in unseen if why_no_page(route) is None) == []


@pytest.mark.parametrize("why", NO_PAGE)
def test_what_is_said_to_be_no_page_is_none(
    installation: Installation, town: Town, cookies: Cookies, why: str
) -> None:
    pages = []
    with httpx.Client(base_url=installation.site, cookies=cookies, timeout=30) as desk:
        for pattern in NO_PAGE[why]:
            those = [route for route in routes() if fnmatch(route, pattern)]
            assert those, f"{pattern} is no address any more"
            pages += [route for route in those if _is_page(desk, filled(route)(town))]
    assert pages == []


def _is_page(desk: httpx.Client, address: str) -> bool:
    """Only the head is read: a stream has no end."""
    with desk.stream("GET", address) as answer:
        kind = answer.headers.get("content-type", "")
        return answer.is_success and kind.startswith("text/html")
