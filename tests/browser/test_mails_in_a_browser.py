"""Every mail as a phone shows it, by day and by night."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from inscrit.mail import samples
from inscrit.mail.samples import SAMPLES, Sample

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

SHEETS = {"light": "rgb(255, 255, 255)", "dark": "rgb(29, 33, 32)"}
COLOUR = "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
LARGE_ENOUGH = 44  # WCAG 2.2, 2.5.5


@pytest.fixture(params=["light", "dark"])
def screen(
    chromium: Browser, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Page, str]]:
    # Playwright has an event loop in this thread; what the samples read is read beside it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    scheme: Literal["light", "dark"] = request.param
    context = chromium.new_context(
        viewport={"width": 390, "height": 800}, color_scheme=scheme, java_script_enabled=True
    )
    yield context.new_page(), scheme
    context.close()


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.name)
def test_a_mail_fits_a_phone_and_follows_its_colours(
    screen: tuple[Page, str], sample: Sample
) -> None:
    page, scheme = screen
    page.set_content(samples.letter(sample, "fr").html)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(COLOUR) == SHEETS[scheme]
    assert page.locator("h1").is_visible()
    button = page.locator(".go a").bounding_box()
    assert button is not None
    assert button["height"] >= LARGE_ENOUGH - 1
    assert button["width"] > 200
