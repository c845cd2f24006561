"""A secretary decides about a flagged registration on a phone, and watches an event go."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation, eventually  # noqa: TID252
from .conftest import SignIn
from .everybody import fits

pytestmark = pytest.mark.browser


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Oui, je confirme").click()


def test_a_payment_of_the_wrong_amount_is_given_back(
    phone: Page, installation: Installation, open_event: OpenEvent, sign_in: SignIn
) -> None:
    made = installation.register(open_event()["id"]).json()
    installation.control("/faults", kind="wrong_amount", amount=-500)
    installation.pay(made)
    eventually(lambda: installation.registration(made)["review"], "it is flagged")
    httpx.delete(f"{installation.sandbox}/sandbox/faults", timeout=10).raise_for_status()
    sign_in(phone)
    phone.get_by_role("link", name=re.compile("inscriptions? à examiner")).click()
    phone.get_by_role("link", name=made["id"]).click()
    panel = phone.locator("#review")
    expect(panel).to_contain_text(re.compile(r"45,00\s€"))
    assert fits(phone)
    panel.get_by_role("link", name="Rendre l’argent").click()
    expect(phone.get_by_text(re.compile(r"Le payeur récupère 45,00\s€"))).to_be_visible()
    assert fits(phone)
    confirm(phone)
    expect(phone.get_by_text("Le remboursement est demandé.")).to_be_visible()
    expect(panel).to_have_count(0)


def test_the_progress_of_a_cancelled_event_shows_by_itself(
    phone: Page, installation: Installation, open_event: OpenEvent, sign_in: SignIn
) -> None:
    event = open_event()
    made = installation.register(event["id"]).json()
    installation.pay(made)
    installation.await_status(made, "PAID")
    sign_in(phone)
    phone.goto(f"{installation.site}/admin/events/event/{event['id']}/change/")
    installation.stop("worker")
    try:
        phone.get_by_role("link", name="Annuler l’événement").click()
        confirm(phone)
        expect(phone.get_by_role("heading", name="en cours d’annulation")).to_be_visible()
        phone.get_by_label("Lieu").fill("Salle des fêtes")
    finally:
        installation.start("worker", "worker")
    expect(phone.get_by_role("heading", name="L’événement est annulé")).to_be_visible(timeout=30000)
    expect(phone.get_by_label("Lieu")).to_have_value("Salle des fêtes")
