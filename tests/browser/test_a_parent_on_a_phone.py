"""A parent finds an event, registers two children, pays, and reads that all is well."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from ..acceptance.conftest import OpenEvent  # noqa: TID252
from ..acceptance.installation import Installation, eventually  # noqa: TID252

pytestmark = pytest.mark.browser


def fill_in(page: Page, *children: str) -> None:
    page.get_by_label("Votre nom").fill("Camille Martin")
    page.get_by_label("Votre adresse e-mail").fill("camille@example.org")
    for number, child in enumerate(children):
        if number:
            page.get_by_role("button", name="Ajouter un participant").click()
        person = page.get_by_role("group", name=f"Participant {number + 1}")
        person.get_by_label("Prénom").fill(child)
        person.get_by_label("Nom", exact=True).fill("Martin")


def send(page: Page) -> None:
    page.get_by_role("button", name=re.compile(r"^S’inscrire")).click()


def pay(page: Page, sandbox: str) -> None:
    page.wait_for_url(f"{sandbox}/**")
    card = {"card_number": "4242424242424242", "exp": "12 / 34", "cvc": "123", "name": "Martin"}
    for name, value in card.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator("[name=name]").press("Enter")


def test_two_children_are_registered_and_paid(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Sortie en forêt")
    phone.goto(installation.site)
    phone.get_by_role("link", name="Sortie en forêt").click()
    expect(phone.get_by_text("Encore 10 places")).to_be_visible()
    fill_in(phone, "Léa", "Noé")
    expect(phone.locator("#total")).to_have_text(re.compile(r"50,00\s€"))
    send(phone)
    pay(phone, installation.sandbox)
    expect(phone.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)
    expect(phone.get_by_text("Noé Martin")).to_be_visible()
    assert installation.places(event["id"])["confirmed"] == 2


def test_a_tap_anywhere_on_a_card_opens_its_event(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Sortie à la mer")
    for part in (".picture", ".day", ".words"):
        phone.goto(installation.site)
        card = phone.get_by_role("listitem").filter(has_text="Sortie à la mer")
        # Where a finger comes down, whatever lies on top there.
        card.locator(part).click(force=True)
        phone.wait_for_url(f"**/events/{event['slug']}", wait_until="commit")


def test_it_works_without_any_script(
    phone_without_scripts: Page, installation: Installation, open_event: OpenEvent
) -> None:
    page = phone_without_scripts
    event = open_event(title="Sans script")
    page.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(page, "Léa", "Noé")
    send(page)
    pay(page, installation.sandbox)
    expect(page.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)


def test_the_enter_key_sends_the_form_and_removes_nobody(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa", "Noé")
    phone.get_by_label("Votre nom").press("Enter")
    phone.wait_for_url(f"{installation.sandbox}/**")
    assert installation.places(event["id"])["held"] == 2


def test_a_child_taken_away_again_is_not_registered(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa", "Noé", "Zoé")
    phone.get_by_role("group", name="Participant 2").get_by_role("button", name="Retirer").click()
    names = phone.locator("[name=first_name]").evaluate_all("all => all.map(one => one.value)")
    assert names == ["Léa", "Zoé"]
    send(phone)
    phone.wait_for_url(f"{installation.sandbox}/**")
    assert installation.places(event["id"])["held"] == 2


def test_an_impatient_double_tap_registers_once(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa")
    phone.get_by_role("button", name=re.compile(r"^S’inscrire")).dblclick(no_wait_after=True)
    phone.wait_for_url(f"{installation.sandbox}/**")
    assert installation.places(event["id"])["held"] == 1


def test_a_form_that_never_left_the_phone_can_be_sent_again(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.clock.install()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa")
    phone.route("**/register", lambda route: route.abort("aborted"))  # the page stays where it is
    send(phone)
    expect(phone.locator("#register[data-sent]")).to_be_visible()
    phone.unroute("**/register")
    phone.clock.fast_forward("00:15")
    send(phone)
    phone.wait_for_url(f"{installation.sandbox}/**")
    assert installation.places(event["id"])["held"] == 1


def test_going_back_from_the_payment_page_finds_the_form_as_it_was(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa", "Noé")
    send(phone)
    phone.wait_for_url(f"{installation.sandbox}/**")
    payment_page = phone.url
    phone.go_back()
    expect(phone.get_by_label("Votre nom")).to_have_value("Camille Martin")
    expect(phone.get_by_role("group", name="Participant 2").get_by_label("Prénom")).to_have_value(
        "Noé"
    )
    send(phone)
    phone.wait_for_url(payment_page)
    assert installation.places(event["id"])["held"] == 2


def test_going_back_finds_the_form_even_after_a_mistake_was_mended(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa", "Noé")
    phone.get_by_label("Votre adresse e-mail").fill("camille@example")
    send(phone)
    expect(phone.get_by_role("alert")).to_be_visible()
    phone.get_by_label("Votre adresse e-mail").fill("camille@example.org")
    send(phone)
    phone.wait_for_url(f"{installation.sandbox}/**")
    payment_page = phone.url
    phone.go_back()
    expect(phone.get_by_label("Votre adresse e-mail")).to_have_value("camille@example.org")
    send(phone)
    phone.wait_for_url(payment_page)
    assert installation.places(event["id"])["held"] == 2


def test_the_places_move_while_somebody_looks(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(capacity=4)
    phone.goto(f"{installation.site}/events/{event['slug']}")
    expect(phone.get_by_text("Plus que 4 places")).to_be_visible()
    installation.register(event["id"], 3)
    expect(phone.get_by_text("Plus qu’une place")).to_be_visible()


def test_the_form_registers_again_when_a_place_comes_free(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(capacity=1)
    made = installation.register(event["id"], 1).json()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    expect(
        phone.get_by_text(re.compile("Complet.: une place pourrait se libérer à"))
    ).to_be_visible()
    expect(phone.get_by_role("button", name="Se mettre en liste d’attente")).to_be_visible()
    expect(phone.get_by_role("button", name="S’inscrire", exact=True)).to_be_hidden()
    phone.get_by_label("Votre nom").fill("Camille Martin")
    path = f"/api/v1/registrations/{made['id']}/cancel"
    installation.web.post(path, params={"token": made["token"]}).raise_for_status()
    expect(phone.get_by_role("button", name="S’inscrire", exact=True)).to_be_visible()
    expect(phone.get_by_role("button", name="Se mettre en liste d’attente")).to_be_hidden()
    expect(phone.get_by_label("Votre nom")).to_have_value("Camille Martin")
    expect(phone.get_by_text("Plus qu’une place")).to_be_visible()


def test_an_open_page_turns_to_paid_by_itself(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    made = installation.register(open_event()["id"]).json()
    phone.goto(f"{installation.site}/registrations/{made['id']}?token={made['token']}")
    expect(phone.get_by_role("heading", name="Vos places vous sont réservées")).to_be_visible()
    installation.pay(made)
    expect(phone.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)


def test_paying_later_from_the_registration_s_page(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    made = installation.register(open_event()["id"]).json()
    phone.goto(f"{installation.site}/registrations/{made['id']}?token={made['token']}")
    phone.get_by_role("button", name=re.compile("Payer")).click()
    pay(phone, installation.sandbox)
    expect(phone.get_by_role("heading", name="C’est payé")).to_be_visible(timeout=15000)


def test_the_mail_leads_to_the_same_page(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    made = installation.register(open_event()["id"]).json()
    installation.pay(made)
    (mail,) = eventually(lambda: installation.mails(made["id"]), "the confirmation arrives")
    link = re.search(r"http\S+", mail["text"])
    assert link
    phone.goto(link[0])
    expect(phone.get_by_role("heading", name="C’est payé")).to_be_visible()
    expect(phone.get_by_text("Nous vous avons écrit par e-mail.")).to_be_visible()


def test_who_has_lost_the_link_gets_all_of_them_by_mail(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(title="Sortie retrouvée")
    made = installation.register(event["id"]).json()
    installation.pay(made)
    installation.await_status(made, "PAID")
    phone.goto(installation.site)
    phone.get_by_role("link", name="Mes inscriptions").click()
    phone.get_by_label("Votre adresse e-mail").fill("parent@example.org")
    phone.get_by_role("button", name="M’envoyer le lien").click()
    expect(phone.get_by_role("heading", name="Regardez")).to_be_visible()
    mail = eventually(lambda: sent_link(installation), "the link arrives")
    phone.goto(mail)
    card = phone.get_by_role("listitem").filter(has_text="Sortie retrouvée")
    expect(card).to_contain_text("Payée")
    expect(card.get_by_role("link", name="Reçu (PDF)")).to_be_visible()
    card.get_by_role("link", name="Page et code").click()
    expect(phone.get_by_role("heading", name="À l’accueil")).to_be_visible()


def sent_link(installation: Installation) -> str | None:
    every = httpx.get(f"{installation.mailbox}/mails.json", timeout=10).json()
    found = (re.search(r"http\S+/my/\S+", mail["text"]) for mail in every)
    return next((one[0] for one in found if one), None)


def test_the_mailbox_shows_what_the_confirmation_brings(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    made = installation.register(open_event()["id"]).json()
    installation.pay(made)
    (mail,) = eventually(lambda: installation.mails(made["id"]), "the confirmation arrives")
    phone.goto(f"{installation.mailbox}/{mail['key']}/html")
    code = phone.get_by_role("img", name="Code QR")
    assert code.evaluate("picture => picture.naturalWidth") > 100
    files = [
        httpx.get(f"{installation.mailbox}/{mail['key']}/enclosed/{n}", timeout=10)
        for n in range(3)
    ]
    kinds = {file.headers["content-type"].split(";")[0] for file in files[:2]}
    assert kinds == {"text/calendar", "application/pdf"}
    assert files[2].status_code == 404


def test_the_language_is_changed_where_one_is(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_text("10 places left")).to_be_visible()
    assert phone.url.endswith(event["slug"])


def test_changing_the_language_loses_nothing_of_the_form(
    phone: Page, installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event()
    phone.goto(f"{installation.site}/events/{event['slug']}")
    fill_in(phone, "Léa", "Noé")
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_label("Your name")).to_have_value("Camille Martin")
    second = phone.get_by_role("group", name="Participant 2")
    expect(second.get_by_label("First name")).to_have_value("Noé")
    phone.get_by_role("button", name=re.compile("^Register")).click()
    phone.wait_for_url(f"{installation.sandbox}/**")
    phone.goto(f"{installation.site}/events/{event['slug']}")  # later, it is a new form
    expect(phone.get_by_label("Your name")).to_have_value("")
