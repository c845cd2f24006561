"""A day at the desk in one browser: from no event at all to the list at the door."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation  # noqa: TID252
from .test_a_parent_on_a_phone import fill_in, pay, send

pytestmark = pytest.mark.browser
TITLE = "Kermesse de juin"


@pytest.fixture(scope="module")
def odile(installation: Installation) -> None:
    """Her account."""
    installation.command(
        "createuser", "odile", "--email", "odile@example.org", "--password", "desk-of-the-school"
    )


@pytest.fixture
def office(chromium: Browser, installation: Installation, odile: None) -> Iterator[Page]:
    """Her computer, signed in. A script's error fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="fr-FR")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{installation.site}/admin/")
    page.locator("[name=username]").fill("odile")
    page.locator("[name=password]").fill("desk-of-the-school")
    page.locator("[name=password]").press("Enter")
    expect(page.get_by_role("heading", name="Organisateurs")).to_be_visible()
    yield page
    context.close()
    assert errors == []


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Oui, je confirme").click()


def create_event(page: Page) -> str:
    """An event from nothing; its page."""
    begins = datetime.now() + timedelta(days=20)  # noqa: DTZ005 - the clock on the wall
    page.get_by_role("link", name="Événements", exact=True).click()
    page.get_by_role("link", name=re.compile("Ajouter événement", re.IGNORECASE)).click()
    page.locator("[name=title]").fill(TITLE)
    page.locator("[name=starts_at]").fill(f"{begins:%Y-%m-%d}T14:00")
    page.locator("[name=ends_at]").fill(f"{begins:%Y-%m-%d}T18:00")
    page.locator("[name=capacity]").fill("10")
    page.locator("[name=price]").fill("12,50")
    page.get_by_role("button", name="Enregistrer et continuer").click()
    expect(page.locator("#glance .tag").first).to_have_text("Brouillon")
    return page.url


def publish(page: Page) -> None:
    page.get_by_role("link", name="Publier").click()
    confirm(page)
    expect(page.get_by_text("L’événement est publié.")).to_be_visible()


def way_of(page: Page) -> str:
    return page.get_by_role("link", name="Page publique").get_attribute("href") or ""


def test_every_event_of_the_first_page_moves_by_itself(
    office: Page, installation: Installation, open_event: OpenEvent
) -> None:
    # Before those of other tests: the page shows the first that come.
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    events = [open_event(title=f"Sortie {n}", starts_at=soon) for n in range(5)]
    office.goto(f"{installation.site}/admin/")
    for event in events:
        row = office.locator(".coming li", has_text=event["title"])
        expect(row.locator("[data-part=held]")).to_have_text("0")
        installation.register(event["id"], 2).raise_for_status()
        expect(row.locator("[data-part=held]")).to_have_text("2")


def family(phone: Page, address: str, *children: str, by_cheque: bool = False) -> None:
    phone.goto(address)
    fill_in(phone, *children)
    if by_cheque:
        phone.get_by_label("Par chèque").check()
    send(phone)


def open_registration(page: Page, event: str, status: str) -> None:
    page.goto(event)
    page.locator("#glance .latest li", has_text=status).get_by_role("link").first.click()


def test_a_day_at_the_desk(
    office: Page, phone: Page, installation: Installation, tmp_path: Path
) -> None:
    event = create_event(office)
    publish(office)
    public = installation.site + way_of(office)

    expect(office.locator("[data-part=remaining]").first).to_have_text("10")
    family(phone, public, "Léa", "Noé")
    pay(phone, installation.sandbox)
    expect(phone.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)
    expect(office.locator("[data-part=confirmed]").first).to_have_text("2")  # by itself
    expect(office.locator("[data-part=remaining]").first).to_have_text("8")

    family(phone, public, "Zoé", by_cheque=True)
    expect(office.locator("[data-part=held]").first).to_have_text("1")
    open_registration(office, event, "En attente")
    office.get_by_role("link", name=re.compile("L’argent est arrivé")).click()
    confirm(office)
    expect(office.locator("#status .tag")).to_have_text("Payée")

    open_registration(office, event, "2 places")
    office.get_by_role("link", name="Rendre de l’argent").click()
    office.get_by_label("Montant").fill("5,00")
    confirm(office)
    expect(office.get_by_text("Le remboursement est demandé.").first).to_be_visible()

    office.goto(event)
    office.get_by_role("link", name="Dupliquer").click()
    office.get_by_label("Titre").fill("Kermesse de septembre")
    confirm(office)
    publish(office)
    other = office.url
    open_registration(office, event, "1 place")
    office.get_by_role("link", name="Déplacer vers un autre événement").click()
    office.get_by_label("Déplacer vers").select_option(index=1)
    confirm(office)
    told = re.compile("L’inscription est désormais à «.Kermesse de septembre.»")
    expect(office.get_by_text(told)).to_be_visible()
    office.goto(other)
    expect(office.locator("[data-part=confirmed]").first).to_have_text("1")

    office.goto(event)
    with office.expect_download() as downloading:
        office.get_by_role("link", name="CSV").click()
    assert "Léa Martin, Noé Martin" in downloading.value.path().read_text("utf-8-sig")
    office.get_by_role("link", name="Liste de présence").click()
    expect(office.get_by_role("button", name="Imprimer")).to_be_visible()
    expect(office.get_by_role("row", name=re.compile("Martin Léa"))).to_be_visible()
    paper = office.pdf(path=tmp_path / "list.pdf", prefer_css_page_size=True)
    assert paper.startswith(b"%PDF")
