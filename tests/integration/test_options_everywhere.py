"""Price options, answers and consents on every paper and list: receipts, exports, mails, cards."""

import csv
import io
import json
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from inscrit.events.deeds import duplicate
from inscrit.events.models import Consent, Event, Question
from inscrit.mail.composing import compose
from inscrit.mail.models import EventMails, Message
from inscrit.registrations import services
from inscrit.registrations.lifecycle import MarkedPaid
from inscrit.registrations.models import PaymentMethod, Registration
from inscrit.registrations.orders import Consenting, Contact, Order, Person

from .desk import done, organiser, text_of
from .test_desk_exports import download, rows_of
from .test_price_options import make_event, order, price, tell
from .test_receipts import printed, read

pytestmark = pytest.mark.django_db(transaction=True)


def camp(**said: object) -> Event:
    ways = {"payment_methods": ["stripe", "cheque", "cash", "transfer"]}
    event = make_event(title="Camp", **ways | said)
    price(event, "Adulte", 1500)
    price(event, "Enfant", 800)
    price(event, "Bébé", 0)
    Question.objects.create(event=event, text="Allergies ?", scope="participant", position=1)
    Question.objects.create(event=event, text="Téléphone ?", position=2)
    Consent.objects.create(event=event, text="Photos")
    return event


def family(event: Event, method: PaymentMethod = PaymentMethod.CHEQUE) -> Registration:
    adult, child, baby = (one.pk for one in event.options.order_by("-price"))
    allergies, phone = (one.pk for one in event.questions.order_by("position"))
    return services.hold_places(
        Order(
            event.pk,
            Contact("Camille", "camille@example.org", "fr"),
            [
                Person("Ana", "Roy", adult),
                Person("Bo", "Roy", child, ((allergies, "noix"),)),
                Person("Cléo", "Roy", child),
                Person("Dan", "Roy", baby),
            ],
            method,
            answers=((phone, "0611"),),
            consents=(Consenting(event.consents.get().pk, given=True),),
        )
    )


def test_a_receipt_has_a_line_for_each_price_also_for_what_is_free() -> None:
    registration = tell(family(camp(), PaymentMethod.CASH), MarkedPaid())
    text = read(printed(registration))
    assert "Camp" in text
    assert "Adulte, 1 personne 15,00 €" in text
    assert "Enfant, 2 personnes, 8,00 € par personne 16,00 €" in text
    assert "Bébé, 1 personne 0,00 €" in text
    assert "Total 31,00 €" in text
    assert "Bo Roy (Enfant)" in text
    assert "Payé en espèces, reçu le" in text


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("cheque", "Please send a cheque of €23.00"),
        ("cash", "Please bring €23.00 to the organiser"),
        ("transfer", "Please transfer €23.00"),
    ],
)
def test_the_mail_says_how_to_pay_by_hand_and_what_was_chosen(method: str, said: str) -> None:
    event = make_event(payment_methods=["stripe", "cheque", "cash", "transfer"])
    Event.objects.filter(pk=event.pk).update(how_to_pay="IBAN FR76 0000\nAssociation")
    adult, child = price(event, "Adulte", 1500), price(event, "Enfant", 800)
    wish = order(event, adult, child, locale="en", method=PaymentMethod(method))
    registration = services.hold_places(wish)
    mail = compose(Message.objects.get(registration=registration))
    (html,) = mail.alternatives
    for text in (str(mail.body), str(html[0])):
        assert said in text
        assert "IBAN FR76 0000" in text
        assert "P1 Test (Enfant)" in text
        assert registration.pk in text


def test_an_export_of_registrations_has_columns_for_what_was_asked() -> None:
    event = camp()
    family(event)
    services.hold_places(order(make_event(), None))
    with_all, plain = sorted(
        rows_of(download(organiser(), "registrations", "csv"), ","),
        key=lambda row: row["event"],
    )
    assert with_all["price option"] == "1 × Adulte, 2 × Enfant, 1 × Bébé"
    assert with_all["Allergies ?"] == "Bo Roy: noix"
    assert (with_all["Téléphone ?"], with_all["Photos"]) == ("0611", "Yes")
    assert (plain["price option"], plain["Allergies ?"], plain["Photos"]) == ("", "", "")


def test_an_export_of_participants_says_what_was_said_of_each() -> None:
    family(camp())
    people = rows_of(download(organiser(), "participants", "csv"), ",")
    names = ("first name", "price option", "price", "Allergies ?")
    assert sorted(tuple(row[name] for name in names) for row in people) == [
        ("Ana", "Adulte", "15.00", ""),
        ("Bo", "Enfant", "8.00", "noix"),
        ("Cléo", "Enfant", "8.00", ""),
        ("Dan", "Bébé", "0.00", ""),
    ]
    assert {row["Téléphone ?"] for row in people} == {"0611"}


def test_nothing_asked_is_no_column() -> None:
    services.hold_places(order(make_event(), None))
    content = download(organiser(), "participants", "csv").decode("utf-8-sig")
    header = next(csv.reader(io.StringIO(content)))
    assert header[-2:] == ["first name", "price"]
    assert "price option" not in header


def test_the_attendance_list_tells_prices_answers_and_who_still_brings_cash() -> None:
    event = camp()
    family(event, PaymentMethod.CASH)
    page = text_of(organiser().get(reverse("desk:attendance", args=[event.pk])))
    assert "Allergies ? noix" in page
    assert "Photos: Yes" in page
    assert "Enfant" in page
    assert "cash to come" in page


@pytest.mark.parametrize("method", [PaymentMethod.CASH, PaymentMethod.TRANSFER])
def test_money_that_came_by_hand_is_noted_at_the_desk(method: PaymentMethod) -> None:
    event = camp()
    registration = family(event, method)
    desk = organiser()
    address = reverse("admin:registrations_registration_change", args=[registration.pk])
    page = text_of(desk.get(address))
    assert "The money has come: mark paid" in page
    assert "when you have it" in page
    assert "The payment is noted." in done(desk, registration, "mark-paid")
    registration.refresh_from_db()
    assert registration.status == "PAID"


def test_a_copy_offers_and_asks_the_same_and_has_nobody() -> None:
    event = camp()
    family(event)
    event.options.filter(name="Bébé").update(active=False)
    event.questions.filter(text="Téléphone ?").update(active=False)
    EventMails.objects.create(
        event=event, words="Un pull.", other_words="A sweater.", reminder_days=5
    )
    copy = duplicate(event, "Camp 2", event.starts_at)
    copied = copy.options.order_by("-price").values_list("name", "price", "taken", "waiting")
    assert list(copied) == [("Adulte", 1500, 0, 0), ("Enfant", 800, 0, 0)]
    assert [one.text for one in copy.questions.all()] == ["Allergies ?"]
    assert [one.text for one in copy.consents.all()] == ["Photos"]
    mails = EventMails.objects.get(event=copy)
    assert (mails.words, mails.other_words) == ("Un pull.", "A sweater.")
    assert mails.reminder_days == 5
    assert {one.pk for one in event.options.all()}.isdisjoint(one.pk for one in copy.options.all())


def test_the_price_of_several_is_said_from_how_much_everywhere() -> None:
    event = make_event(title="Camp")
    price(event, "Adulte", 1500)
    price(event, "Enfant", 500)
    for address in ("/", f"/embed/events/{event.slug}?lang=en"):
        page = Client().get(address, headers={"Accept-Language": "en"}).content.decode()
        assert "from €5.00" in page
        assert "€10.00" not in page  # the event's own, which nobody pays
    page = Client().get(event.get_absolute_url()).content.decode()
    facts = re.search(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert facts is not None
    offer = json.loads(facts[1])["offers"]
    assert (offer["@type"], offer["lowPrice"], offer["highPrice"]) == (
        "AggregateOffer",
        "5.00",
        "15.00",
    )
    event.options.update(quota=0)
    page = Client().get(event.get_absolute_url()).content.decode()
    assert "https://schema.org/SoldOut" in page


@pytest.mark.parametrize(
    ("prices", "said"),
    [([], "€10.00"), ([800], "€8.00"), ([0], "Free"), ([0, 800], "Free to €8.00")],
)
def test_a_price_is_said_in_few_words(prices: list[int], said: str) -> None:
    event = make_event()
    for amount in prices:
        price(event, f"{amount}", amount)
    with translation.override("en"):
        assert event.price_in_words == said
