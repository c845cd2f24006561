"""The hosted checkout page and the dashboard, in a browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ..chromium import chromium, launch  # noqa: TID252
from .conftest import Sandbox, Shop

__all__ = ["chromium", "launch"]

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    yield context.new_page()
    context.close()


def returning(sandbox: Sandbox, **more: Any) -> Any:
    """A session whose buyer comes back to an address that exists."""
    thanks = f"{sandbox.origin}/sandbox/state?thanks={{CHECKOUT_SESSION_ID}}"
    return sandbox.session(success_url=thanks, **more)


def test_a_buyer_pays_with_the_keyboard_alone(sandbox: Sandbox, shop: Shop, page: Page) -> None:
    page.goto(returning(sandbox).url)
    expect(page.get_by_label("Email")).to_be_focused()
    page.keyboard.type("buyer@example.com")
    for text in ("4242424242424242", "1234", "123", "Ada Buyer"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    expect(page.get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sandbox/state?thanks=cs_test_**")
    assert shop.of_type("checkout.session.completed")


def test_without_javascript_it_works_as_well(sandbox: Sandbox, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(returning(sandbox, allowed_payment_method_types=["card", "sepa_debit"]).url)
    page.get_by_label("SEPA Direct Debit").check()
    expect(page.get_by_label("Card number")).to_be_hidden()
    page.get_by_label("IBAN").fill("AT61 1904 3002 3457 3201")
    page.get_by_label("Email").fill("buyer@example.com")
    page.get_by_label("Full name").fill("Ada Buyer")
    page.get_by_role("button", name="Pay €30.00").click()
    page.wait_for_url("**/sandbox/state?thanks=cs_test_**")
    context.close()


def test_mistakes_are_said_where_they_were_made(quiet_sandbox: Sandbox, page: Page) -> None:
    page.goto(quiet_sandbox.session().url)
    page.get_by_label("Email").fill("not an address")
    page.get_by_role("button", name="Pay €30.00").click()
    email = page.get_by_label("Email")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_be_focused()
    expect(page.get_by_text("This is not an e-mail address.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_text("Please check the form")
    expect(email).to_have_value("not an address")


def test_it_speaks_the_sessions_language(quiet_sandbox: Sandbox, page: Page) -> None:
    page.goto(quiet_sandbox.session(locale="fr").url)
    assert page.locator("html").get_attribute("lang") == "fr"
    page.get_by_text("Cartes et comptes de test").click()
    page.get_by_role("button", name="Remplir avec 4000 0000 0000 9995").click()
    page.get_by_role("button", name="Payer 30,00 €").click()
    expect(page.get_by_role("alert")).to_have_text("Votre carte n’a pas de provision suffisante.")


def test_a_challenge_is_passed_or_refused(quiet_sandbox: Sandbox, page: Page) -> None:
    page.goto(returning(quiet_sandbox).url)
    page.get_by_text("Test cards").click()
    page.get_by_role("button", name="Fill in 4000 0027 6000 3184").click()
    page.get_by_role("button", name="Pay €30.00").click()
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
    page.get_by_text("Test cards").click()
    page.get_by_role("button", name="Fill in 4000 0027 6000 3184").click()
    page.get_by_role("button", name="Pay €30.00").click()
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/sandbox/state?thanks=cs_test_**")


def test_a_closed_session_says_so_and_leads_back(quiet_sandbox: Sandbox, page: Page) -> None:
    expired, paid = quiet_sandbox.session(), quiet_sandbox.session()
    quiet_sandbox.stripe.v1.checkout.sessions.expire(expired.id)
    quiet_sandbox.pay(paid)
    for session, title in ((expired, "has expired"), (paid, "already done")):
        page.goto(session.url)
        expect(page.get_by_role("heading")).to_contain_text(title)
        expect(page.get_by_role("link", name="Back to the shop")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_every_page_says_simulated_fits_and_asks_nobody_else(
    quiet_sandbox: Sandbox, page: Page, width: int
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 800})
    session = quiet_sandbox.session()
    quiet_sandbox.pay(quiet_sandbox.session())
    for url in (session.url, f"{quiet_sandbox.origin}/", f"{quiet_sandbox.origin}/c/pay/none"):
        page.goto(url, wait_until="load")
        expect(page.get_by_text("Simulated").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(UNLABELLED) == []
    assert all(url.startswith(quiet_sandbox.origin) for url in asked)


UNLABELLED = """
[...document.querySelectorAll("input:not([type=hidden]), select, button")]
  .filter((each) => !(each.labels?.length || each.textContent.trim()))
  .map((each) => each.outerHTML)
"""


# The dashboard.


@pytest.fixture
def dashboard(sandbox: Sandbox, page: Page) -> Page:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(sandbox.origin)
    expect(page.locator(".live.on")).to_be_visible()
    return page


def payments(page: Page) -> Any:
    return page.get_by_role("region", name="Payments")


def test_the_dashboard_shows_a_payment_as_it_happens(
    sandbox: Sandbox, shop: Shop, dashboard: Page
) -> None:
    expect(payments(dashboard)).to_contain_text("No payment yet")
    sandbox.pay(sandbox.session())
    expect(payments(dashboard)).to_contain_text("€30.00")
    expect(payments(dashboard)).to_contain_text("succeeded")
    event = dashboard.locator(".event", has_text="checkout.session.completed")
    expect(event).to_contain_text("delivered")
    event.locator("summary").click()
    expect(event.locator(".attempts")).to_contain_text("200")
    event.get_by_role("button", name="Resend").click()
    shop.wait_for("checkout.session.completed", 2)


def test_money_is_given_back_from_the_dashboard(
    sandbox: Sandbox, shop: Shop, dashboard: Page
) -> None:
    sandbox.pay(sandbox.session())
    payments(dashboard).get_by_text("Actions").click()
    payments(dashboard).get_by_label("Amount in minor units").fill("1200")
    payments(dashboard).get_by_role("button", name="Refund part").click()
    expect(payments(dashboard)).to_contain_text("partly refunded")
    expect(payments(dashboard)).to_contain_text("refunded €12.00")
    payments(dashboard).get_by_label("Amount in minor units").fill("9999")
    payments(dashboard).get_by_role("button", name="Refund part").click()
    expect(dashboard.get_by_role("alert")).to_contain_text("is greater than")
    payments(dashboard).get_by_role("button", name="Refund", exact=True).click()
    shop.wait_for("charge.refunded", 2)


def test_a_dispute_is_opened_and_lost(sandbox: Sandbox, shop: Shop, dashboard: Page) -> None:
    sandbox.pay(sandbox.session())
    payments(dashboard).get_by_text("Actions").click()
    payments(dashboard).get_by_role("button", name="Dispute").click()
    payments(dashboard).get_by_role("button", name="Lose").click()
    [closed] = shop.wait_for("charge.dispute.closed")
    assert closed.object["status"] == "lost"


def test_sessions_expire_and_the_clock_moves(sandbox: Sandbox, shop: Shop, dashboard: Page) -> None:
    sandbox.session()
    dashboard.get_by_role("button", name="Expire").click()
    shop.wait_for("checkout.session.expired")
    sandbox.session()
    dashboard.get_by_role("button", name="24 h").click()
    shop.wait_for("checkout.session.expired", 2)
    expect(dashboard.get_by_text("1 d ahead")).to_be_visible()


def test_faults_and_test_events_are_buttons(sandbox: Sandbox, shop: Shop, dashboard: Page) -> None:
    dashboard.get_by_label("What goes wrong").select_option("duplicate")
    dashboard.get_by_label("How many times").fill("1")
    dashboard.get_by_role("button", name="Add fault").click()
    expect(dashboard.get_by_role("button", name="Remove")).to_be_visible()
    dashboard.get_by_role("button", name="Send", exact=True).click()
    shop.wait_for("checkout.session.completed", 2)
    expect(dashboard.get_by_text("No fault is on.")).to_be_visible()
