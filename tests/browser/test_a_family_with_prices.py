"""A parent on a phone chooses prices, answers questions, agrees, and pays by transfer or card."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation  # noqa: TID252
from .everybody import fits
from .test_a_parent_on_a_phone import fill_in, pay, send

pytestmark = pytest.mark.browser

ASKS: dict[str, Any] = {
    "options": [
        {"name": "Enfant", "price": 4500},
        {"name": "Fratrie", "price": 3800, "quota": 2},
    ],
    "questions": [
        {
            "text": "Niveau",
            "kind": "choice",
            "choices": ["Débutant", "Confirmé"],
            "scope": "participant",
            "required": True,
        },
        {"text": "Rentre seul", "kind": "yes_no", "required": True},
        {"text": "Un mot", "kind": "long_text"},
    ],
    "consents": [
        {"text": "J’accepte le règlement.", "required": True},
        {"text": "Des photos peuvent être publiées."},
    ],
    "payment_methods": ["stripe", "transfer"],
    "how_to_pay": "IBAN FR76 3000 1000",
}


def person(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Participant {number}")


def choose(page: Page) -> None:
    """Two children at two prices, and an answer to everything that must be answered."""
    fill_in(page, "Léa", "Noé")
    for number, price in ((1, "Enfant · 45,00\u00a0€"), (2, "Fratrie · 38,00\u00a0€")):
        person(page, number).get_by_label("Prix").select_option(price)
        person(page, number).get_by_label("Niveau").select_option("Débutant")
    page.get_by_label("Rentre seul").select_option("Oui")
    page.get_by_label("Un mot").fill("À bientôt\net merci")
    page.get_by_label("J’accepte le règlement.").check()


def test_the_page_is_sold_out_as_soon_as_each_price_is_full(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    price = {"name": "Enfant", "price": 0, "quota": 2}
    event = open_event(title="Stage", options=[price], capacity=40)
    phone.goto(f"{installation.site}/events/{event['slug']}")
    expect(phone.locator(".places")).to_have_text("Encore 40 places")
    installation.register(event["id"], 2).raise_for_status()
    expect(phone.locator(".places")).to_have_text("Complet")
    expect(phone.get_by_role("button", name="Se mettre en liste d’attente")).to_be_visible()
    phone.reload()
    expect(phone.locator(".places")).to_have_class(re.compile("none"))
    expect(phone.locator(".places")).to_have_text("Complet")


def test_the_total_follows_the_prices_that_are_chosen(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Stage", **ASKS)
    phone.goto(f"{installation.site}/events/{event['slug']}")
    total = phone.locator("#total")
    expect(total).to_have_text(re.compile(r"^0,00\s€"))
    choose(phone)
    expect(total).to_have_text(re.compile(r"^83,00\s€"))
    person(phone, 2).get_by_label("Prix").select_option("Enfant · 45,00\u00a0€")
    expect(total).to_have_text(re.compile(r"^90,00\s€"))
    person(phone, 1).get_by_role("button", name="Retirer").click()
    expect(total).to_have_text(re.compile(r"^45,00\s€"))
    assert fits(phone)


def test_two_prices_are_paid_by_card_in_one_go(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Stage payé", **ASKS)
    phone.goto(f"{installation.site}/events/{event['slug']}")
    choose(phone)
    send(phone)
    phone.wait_for_url(f"{installation.sandbox}/**")
    expect(phone.get_by_text("Stage payé · Fratrie")).to_be_visible()
    expect(phone.get_by_text(re.compile(r"83,00")).first).to_be_visible()
    pay(phone, installation.sandbox)
    expect(phone.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)
    expect(phone.get_by_text("Fratrie · 38,00")).to_be_visible()
    assert installation.places(event["id"])["confirmed"] == 2


def test_who_goes_back_finds_prices_answers_and_boxes_as_they_were(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(**ASKS)
    phone.goto(f"{installation.site}/events/{event['slug']}")
    choose(phone)
    send(phone)
    phone.wait_for_url(f"{installation.sandbox}/**")
    payment_page = phone.url
    phone.go_back()
    expect(person(phone, 2).get_by_label("Prix").locator("option:checked")).to_contain_text(
        "Fratrie"
    )
    expect(phone.get_by_label("Un mot")).to_have_value("À bientôt\net merci")
    expect(phone.get_by_label("J’accepte le règlement.")).to_be_checked()
    expect(phone.get_by_label("Des photos")).not_to_be_checked()
    expect(phone.locator("#total")).to_have_text(re.compile(r"^83,00\s€"))
    send(phone)
    phone.wait_for_url(payment_page)
    assert installation.places(event["id"])["held"] == 2


def test_without_any_script_a_transfer_is_chosen_after_a_mistake(
    phone_without_scripts: Page, installation: Installation, open_event: OpenEvent
) -> None:
    page = phone_without_scripts
    event = open_event(title="Sans script", **ASKS)
    page.goto(f"{installation.site}/events/{event['slug']}")
    choose(page)
    person(page, 1).get_by_label("Prix").select_option("Fratrie · 38,00\u00a0€")
    page.get_by_role("button", name="Ajouter un participant").click()
    person(page, 3).get_by_label("Prénom").fill("Zoé")
    person(page, 3).get_by_label("Prix").select_option("Fratrie · 38,00\u00a0€")
    person(page, 3).get_by_label("Niveau").select_option("Confirmé")
    page.get_by_label("Par virement").check()
    send(page)
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text("Prix (participant 3) : Il n’en reste que 2 à ce tarif.")
    person(page, 3).get_by_label("Prix").select_option("Enfant · 45,00\u00a0€")
    assert fits(page)
    send(page)
    expect(page.get_by_role("heading", name="Nous attendons votre virement")).to_be_visible()
    expect(page.get_by_text("IBAN FR76 3000 1000")).to_be_visible()
    expect(page.get_by_text("121,00").first).to_be_visible()
    assert fits(page)
