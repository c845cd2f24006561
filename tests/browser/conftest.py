"""A real browser in front of the real processes."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

# The same installation as the acceptance tests have, started for these.
from ..acceptance.conftest import (  # noqa: TID252
    installation,
    open_event,
    organiser,
    publisher,
)
from ..acceptance.installation import Installation  # noqa: TID252
from ..chromium import chromium, launch  # noqa: TID252
from .town import Town

__all__ = ["chromium", "installation", "launch", "open_event", "organiser"]

SignIn = Callable[[Page], None]
PHONE = {"width": 390, "height": 800}


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    """A French parent's phone. A script's error fails the test."""
    yield from _page(chromium)


@pytest.fixture
def phone_without_scripts(chromium: Browser) -> Iterator[Page]:
    yield from _page(chromium, java_script_enabled=False)


def _page(chromium: Browser, *, java_script_enabled: bool = True) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": PHONE["width"], "height": PHONE["height"]},
        locale="fr-FR",
        java_script_enabled=java_script_enabled,
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def sign_in(installation: Installation) -> SignIn:
    installation.command(
        "createuser", "claire", "--email", "claire@example.org", "--password", "desk-of-the-school"
    )

    def go(page: Page) -> None:
        page.goto(f"{installation.site}/admin/")
        page.locator("[name=username]").fill("claire")
        page.locator("[name=password]").fill("desk-of-the-school")
        page.locator("[name=password]").press("Enter")
        expect(page.get_by_role("heading", name="Organisateurs")).to_be_visible()

    return go


@pytest.fixture(scope="session")
def town(installation: Installation, sign_in: SignIn) -> Town:
    with installation.organiser("builder") as organiser:
        return Town.build(installation, publisher(organiser))
