"""The organiser looks at every mail on a phone, by day and by night."""

from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from inscrit.mail.samples import SAMPLES

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation  # noqa: TID252

pytestmark = pytest.mark.browser

SHEETS = {"light": "rgb(255, 255, 255)", "dark": "rgb(29, 33, 32)"}
COLOUR = "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SMALLEST_TARGET = 24  # WCAG 2.2, 2.5.8


def test_every_mail_fits_a_phone_and_follows_its_colours(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    installation.command(
        "createuser",
        "mathilde",
        "--email",
        "mathilde@example.org",
        "--password",
        "desk-of-the-school",
    )
    phone.goto(f"{installation.site}/admin/mail/message/preview/")
    phone.locator("[name=username]").fill("mathilde")
    phone.locator("[name=password]").fill("desk-of-the-school")
    phone.locator("[name=password]").press("Enter")
    expect(phone.get_by_role("heading", name="Aperçu de vos messages")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    for name in SAMPLES:
        query = f"?sample={name}&language=fr&event={event['id']}"
        phone.goto(f"{installation.site}/admin/mail/message/preview/body/{query}")
        expect(phone.locator("h1")).to_be_visible()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, name
        button = phone.locator(".go a").bounding_box()
        assert button is not None
        assert button["height"] >= SMALLEST_TARGET
        for scheme in SCHEMES:
            phone.emulate_media(color_scheme=scheme)
            assert phone.evaluate(COLOUR) == SHEETS[scheme]
