"""A parent finds the event sold out, waits, is offered a place that came free, and pays."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation, eventually  # noqa: TID252
from .everybody import RULES, complaints, fits
from .test_a_parent_on_a_phone import fill_in, pay

pytestmark = pytest.mark.browser


def cancel(installation: Installation, made: dict[str, Any]) -> None:
    path = f"/api/v1/registrations/{made['id']}/cancel"
    installation.web.post(path, params={"token": made["token"]}).raise_for_status()


def the_link_of(installation: Installation, subject: str, title: str) -> str:
    """The link in the one mail with this subject about this event."""

    def arrived() -> str | None:
        mails = httpx.get(f"{installation.mailbox}/mails.json", timeout=10).json()
        wanted = f"{subject}\N{NO-BREAK SPACE}: {title}"
        texts = [one["text"] for one in mails if one["subject"].strip() == wanted]
        assert len(texts) < 2
        found = re.search(r"http\S+", "".join(texts))
        return found[0] if found else None

    return eventually(arrived, f"a mail arrives: {subject}")


def wait_for(page: Page, installation: Installation, event: dict[str, Any], *children: str) -> None:
    page.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(page, *children)
    page.get_by_role("button", name="Se mettre en liste d’attente").click()


def everybody_can_read(page: Page) -> None:
    """In both colour schemes."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert complaints(page, RULES) == []
        assert fits(page)


def test_sold_out_then_offered_then_paid(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Nuit au musée", capacity=2)
    made = installation.register(event["id"], 2).json()
    wait_for(phone, installation, event, "Léa", "Noé")
    expect(phone.get_by_role("heading", name="Regardez dans votre boîte")).to_be_visible()
    everybody_can_read(phone)
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    everybody_can_read(phone)
    phone.get_by_role("button", name="Français").click()
    joined = the_link_of(installation, "Vous êtes en liste d’attente", "Nuit au musée")
    phone.goto(joined)
    expect(phone.get_by_role("heading", name="C’est bientôt votre tour")).to_be_visible()
    cancel(installation, made)
    # The page moves on by itself; the mail leads to the same place.
    offer = phone.get_by_role("heading", name="2 places sont libres pour vous")
    expect(offer).to_be_visible(timeout=15000)
    phone.goto(the_link_of(installation, "Une place est libre pour vous", "Nuit au musée"))
    expect(offer).to_be_visible()
    phone.get_by_role("button", name=re.compile("Payer")).click()
    pay(phone, installation.sandbox)
    expect(phone.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)
    assert installation.places(event["id"])["confirmed"] == 2


def test_without_scripts_one_waits_and_leaves_the_line(
    phone_without_scripts: Page, installation: Installation, open_event: OpenEvent
) -> None:
    page = phone_without_scripts
    event = open_event(title="Sans script, complet", capacity=1)
    installation.register(event["id"], 1)
    wait_for(page, installation, event, "Léa")
    page.goto(the_link_of(installation, "Vous êtes en liste d’attente", event["title"]))
    expect(page.get_by_role("heading", name="C’est bientôt votre tour")).to_be_visible()
    page.get_by_role("link", name="Quitter la liste d’attente").click()
    page.get_by_role("button", name="Oui, la quitter").click()
    expect(page.get_by_role("heading", name="Vous n’êtes plus en liste d’attente")).to_be_visible()


def test_who_looks_while_the_last_place_goes_may_wait_with_the_same_form(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Les derniers", capacity=1)
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa")
    installation.register(event["id"], 1)
    phone.get_by_role("button", name="Se mettre en liste d’attente").click()
    phone.goto(the_link_of(installation, "Vous êtes en liste d’attente", event["title"]))
    expect(phone.get_by_role("heading", name="C’est bientôt votre tour")).to_be_visible()
    expect(phone.get_by_text("Léa Martin")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_offer_is_taken_to_be_paid_by_cheque(
    request: pytest.FixtureRequest,
    installation: Installation,
    open_event: OpenEvent,
    scripts: bool,
) -> None:
    page: Page = request.getfixturevalue("phone" if scripts else "phone_without_scripts")
    event = open_event(
        title=f"Au choix {scripts}", capacity=1, payment_methods=["stripe", "cheque"]
    )
    made = installation.register(event["id"], 1).json()
    wait_for(page, installation, event, "Léa")
    expect(page.get_by_text("camille@example.org")).to_be_visible()
    cancel(installation, made)
    page.goto(the_link_of(installation, "Une place est libre pour vous", event["title"]))
    expect(page.get_by_role("button", name=re.compile("Payer"))).to_be_visible()
    page.get_by_role("button", name="Par chèque").click()
    expect(page.get_by_role("heading", name="Nous attendons votre chèque")).to_be_visible()
    assert installation.places(event["id"])["held"] == 1
