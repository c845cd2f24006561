"""The form of an event that has prices, questions, consents and several ways to pay; no scripts."""

import asyncio
import json
import re
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format

from inscrit import direct
from inscrit.events.models import Consent, Event, PriceOption, Question
from inscrit.jobs import in_database
from inscrit.live.places import Places
from inscrit.live.reader import Unavailable
from inscrit.registrations.fields import LONGEST_TEXT
from inscrit.registrations.models import Registration

from .desk import text_of
from .test_pages import offer

pytestmark = pytest.mark.django_db(transaction=True)
FORM: dict[str, Any] = {
    "name": "Camille Martin",
    "email": "camille@example.org",
    "first_name": ["Léa", "Noé"],
    "last_name": ["Martin", "Martin"],
    "key": "a-key-made-for-one-form-1",
}


class Camp:
    """An event that asks everything there is to ask."""

    def __init__(self) -> None:
        start = timezone.now() + timedelta(days=40)
        self.event = offer(
            price=4500,
            starts_at=start,
            ends_at=start,
            capacity=30,
            payment_methods=["stripe", "cheque", "transfer"],
            how_to_pay="IBAN FR76 3000 1000",
        )
        made = self.event.options.create
        self.child = made(name="Enfant", other_name="Child", price=4500, position=0)
        self.sibling = made(name="Fratrie", other_name="Sibling", price=3800, quota=1, position=1)
        ask = self.event.questions.create
        self.size = ask(
            text="Taille ?",
            other_text="Size?",
            kind="choice",
            choices="S\nM",
            scope="participant",
            required=True,
        )
        self.swims = ask(text="Sait nager ?", other_text="Swims?", kind="yes_no", required=True)
        self.note = ask(text="Un mot ?", other_text="A word?", kind="long_text")
        self.rules = self.event.consents.create(
            text="Le règlement", other_text="The rules", required=True
        )
        self.photos = self.event.consents.create(text="Des photos", other_text="Photos")

    def form(self, **changes: Any) -> dict[str, Any]:
        return {
            **FORM,
            "option": [self.child.pk, self.sibling.pk],
            self.size.pk: ["S", "M"],
            self.swims.pk: "yes",
            self.note.pk: "",
            self.rules.pk: self.rules.seal("en"),
            "payment_method": "transfer",
            **changes,
        }


@pytest.fixture
def camp() -> Camp:
    return Camp()


def register(client: Client, camp: Camp, **changes: Any) -> Any:
    return client.post("/events/farm/register", camp.form(**changes))


def made() -> Registration:
    return Registration.objects.get()


def test_the_whole_form_registers_with_all_it_says(english: Client, camp: Camp) -> None:
    answer = register(english, camp, **{camp.note.pk: "See you\nsoon"})
    assert answer.status_code == 303
    assert (made().amount, made().payment_method) == (8300, "transfer")
    people = [(str(one), one.option_name, one.price) for one in made().participants.all()]
    assert people == [("Léa Martin", "Child", 4500), ("Noé Martin", "Sibling", 3800)]
    page = text_of(english.get(answer["location"]))
    for said in ("Child", "€45.00", "Sibling", "Size? S", "Size? M", "Swims?", "See you soon"):
        assert said in page
    assert "Yes The rules" in page
    assert "No Photos" in page


def test_a_line_end_is_one_character_as_the_browser_counts_it(english: Client, camp: Camp) -> None:
    lines = "a\r\n" * (LONGEST_TEXT // 2)  # what the browser sends of a full field
    assert register(english, camp, **{camp.note.pk: lines}).status_code == 303
    assert (
        made().answers.get(question_id=camp.note.pk).value == "a\n" * (LONGEST_TEXT // 2 - 1) + "a"
    )


def test_the_page_shows_each_price_and_what_is_asked(english: Client, camp: Camp) -> None:
    page = english.get("/events/farm")
    for said in ("Child €45.00", "Sibling €38.00", "Size?", "Swims?", "The rules", "Photos"):
        assert said in text_of(page)
    assert "By cheque" in text_of(page)
    assert "In cash" not in text_of(page)
    assert "from €38.00" in text_of(english.get("/"))


def test_a_french_reader_reads_the_first_wording(client: Client, camp: Camp) -> None:
    page = text_of(client.get("/events/farm"))
    for said in ("Enfant", "Taille ?", "Le règlement"):
        assert said in page
    assert "Child" not in page


def test_who_pays_by_transfer_reads_where_to_and_until_when(english: Client, camp: Camp) -> None:
    page = text_of(english.get(register(english, camp)["location"]))
    assert "We are waiting for your transfer" in page
    assert "€83.00" in page
    assert "IBAN FR76 3000 1000" in page
    assert made().pk in page


def test_every_mistake_stands_beside_its_field_and_nothing_is_lost(
    english: Client, camp: Camp
) -> None:
    changes = {
        "option": [camp.child.pk, ""],
        camp.size.pk: ["", "M"],
        camp.swims.pk: "",
        camp.note.pk: "kept as it was",
        camp.rules.pk: "",
        camp.photos.pk: camp.photos.seal("en"),
    }
    answer = register(english, camp, **changes)
    page, text = answer.content.decode(), text_of(answer)
    assert answer.status_code == 422
    for told in (
        "Price (participant 2): Please choose one.",
        "Size (participant 1): Please choose one.",
        "Swims: Please choose one.",
        "The rules: You can’t register without agreeing to this.",
    ):
        assert told in text
    assert '<a href="#participant-1-option">' in page
    wrong = re.search(r'<select[^>]*id="participant-1-option"[^>]*>', page)
    assert wrong
    assert 'aria-describedby="participant-1-option_error"' in wrong[0]
    assert re.search(rf'<option value="{camp.child.pk}"[^>]* selected', page)
    assert re.search(r'<option value="M" selected', page)
    assert "kept as it was" in page
    assert re.search(rf'name="{camp.photos.pk}"[^>]* checked', page)
    assert re.search(r'value="transfer"[^>]* checked', page)
    assert not Registration.objects.exists()


def test_a_participant_more_keeps_prices_answers_and_boxes(english: Client, camp: Camp) -> None:
    page = register(english, camp, add="1").content.decode()
    assert "Participant <span" in page
    assert len(re.findall(r'<option value="[^"]+"[^>]* selected', page)) == 5
    assert re.search(rf'name="{camp.rules.pk}"[^>]* checked', page)
    assert re.search(r'value="transfer"[^>]* checked', page)
    assert "Please choose" not in page


def test_the_total_follows_without_scripts(english: Client, camp: Camp) -> None:
    page = register(english, camp, add="1").content.decode()
    assert re.search(r'<output id="total"[^>]*>€83.00</output>', page)


def test_the_last_one_at_a_price_is_told_beside_the_price(english: Client, camp: Camp) -> None:
    answer = register(english, camp, option=[camp.sibling.pk, camp.sibling.pk])
    assert answer.status_code == 409
    page = text_of(answer)
    assert "Price (participant 1): There is only 1 left at this price." in page
    assert "Price (participant 2): There is only 1 left at this price." in page
    assert b'value="Camille Martin"' in answer.content
    assert not Registration.objects.exists()


def test_a_price_that_is_sold_out_can_be_chosen_to_wait_for(english: Client, camp: Camp) -> None:
    PriceOption.objects.filter(pk=camp.sibling.pk).update(taken=1)
    page = english.get("/events/farm")
    option = re.search(rf'<option value="{camp.sibling.pk}"([^>]*)>([^<]*)', page.content.decode())
    assert option is not None
    assert "disabled" not in option[1]
    assert option[2].endswith("(sold out, waiting list)")
    assert "Sibling €38.00 Sold out" in text_of(page)
    answer = register(english, camp)
    assert answer.status_code == 409
    assert "Price (participant 2): There is none left at this price." in text_of(answer)


def test_a_consent_worded_anew_is_read_and_ticked_again(english: Client, camp: Camp) -> None:
    Consent.objects.filter(pk=camp.rules.pk).update(other_text="Stricter rules")
    answer = register(english, camp)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "This was worded anew a moment ago. Please read it again." in text_of(answer)
    assert "Stricter rules" in page
    box = re.search(rf'<input type="checkbox" name="{camp.rules.pk}"[^>]*>', page)
    assert box
    assert "checked" not in box[0]
    assert not Registration.objects.exists()


def test_a_consent_not_given_is_kept_as_not_given(english: Client, camp: Camp) -> None:
    register(english, camp)
    given = {one.text: one.given for one in made().agreements.all()}
    assert given == {"The rules": True, "Photos": False}


@pytest.fixture(params=[30, None], ids=["limited", "unlimited"])
def full(camp: Camp, request: pytest.FixtureRequest) -> Camp:
    """Each of its prices is full, while places of the event are left."""
    Event.objects.update(capacity=request.param, confirmed=5)
    camp.event.options.update(quota=2, taken=2)
    camp.event.options.create(name="Retirée", price=100, active=False)
    return camp


@pytest.mark.parametrize("path", ["/", "/events/farm", "/embed/events/farm?lang=en"])
def test_where_each_price_is_full_the_event_is_sold_out(
    english: Client, full: Camp, path: str
) -> None:
    def places() -> list[str]:
        body = english.get(path).content.decode()
        assert ("data-stream=" in body) is ("data-places" in body)
        return re.findall(r"<[^>]* data-places[^>]*>([^<]*)<", body)

    limited = Event.objects.get().capacity is not None
    assert places() == ["Sold out"]
    full.event.options.filter(pk=full.child.pk).update(taken=1)
    assert places() == (["25 places left"] if limited else [])


def test_where_each_price_is_full_the_form_leads_to_the_line(english: Client, full: Camp) -> None:
    page = english.get("/events/farm").content.decode()
    assert 'action="/events/farm/waiting-list#register"' in page
    assert english.post("/events/farm/waiting-list", full.form()).status_code == 303


def test_whoever_looks_is_told_live_that_each_price_is_full(camp: Camp) -> None:
    camp.event.options.update(quota=2, taken=1)

    async def remaining(it: Places, wanted: int | None) -> None:
        for _ in range(200):
            with suppress(Unavailable):
                (channel,) = await it.channels([camp.event.pk])
                if json.loads(channel.body)["remaining"] == wanted:
                    return
            await asyncio.sleep(0.02)
        raise AssertionError(f"never told that {wanted} remain")

    def taken() -> None:
        """As registering does it: option and event in one transaction."""
        with transaction.atomic():
            Event.objects.update(held=2)
            camp.event.options.update(taken=2)

    async def story() -> None:
        it = Places(direct.address())
        await it.start()
        try:
            await remaining(it, 30)
            await in_database(taken)
            await remaining(it, 0)
            await in_database(camp.event.options.filter(pk=camp.child.pk).update, quota=3)
            await remaining(it, 28)
            await in_database(camp.event.options.filter(pk=camp.child.pk).update, active=False)
            await remaining(it, 0)
            await in_database(Event.objects.update, capacity=None)
            await in_database(partial(camp.event.options.create, name="Bébé", price=0))
            await remaining(it, None)
        finally:
            await it.stop()

    async_to_sync(story)()


def test_what_is_retired_is_not_asked_any_more(english: Client, camp: Camp) -> None:
    Question.objects.update(active=False)
    Consent.objects.update(active=False)
    PriceOption.objects.filter(pk=camp.sibling.pk).update(active=False)
    page = text_of(english.get("/events/farm"))
    for gone in ("Size?", "Swims?", "The rules", "Sibling"):
        assert gone not in page
    answer = english.post("/events/farm/register", FORM | {"payment_method": "cheque"})
    assert answer.status_code == 303
    assert made().amount == 9000


def test_all_at_no_price_is_confirmed_whatever_the_way_to_pay(english: Client, camp: Camp) -> None:
    baby = camp.event.options.create(name="Bébé", price=0, position=2)
    answer = register(english, camp, option=[baby.pk, baby.pk])
    assert made().status == "FREE"
    assert "All set, see you there!" in text_of(english.get(answer["location"]))


def test_a_way_that_takes_days_is_not_offered_when_it_can_not_arrive(english: Client) -> None:
    event = offer(price=1000, payment_methods=["stripe", "cheque", "cash", "transfer"])
    page = text_of(english.get("/events/farm"))
    assert "In cash" in page
    assert "By cheque" not in page
    Event.objects.filter(pk=event.pk).update(payment_methods=["cheque"])
    page = text_of(english.get("/events/farm"))
    with translation.override("en"):
        closes = date_format(timezone.localtime(event.starts_at), "l j F Y")
    assert f"By cheque: It has to arrive before {closes}." in page
    english.post("/events/farm/register", FORM)
    assert made().payment_method == "cheque"


def test_the_cancel_page_names_the_prices(english: Client, camp: Camp) -> None:
    register(english, camp)
    page = made().get_absolute_url().replace("?", "/cancel?")
    assert "Léa Martin (Child), Noé Martin (Sibling)" in text_of(english.get(page))


def test_whatever_an_organiser_writes_in_them_stays_text(english: Client) -> None:
    event = offer(price=100)
    bad = "<script>alert(1)</script>"
    event.options.create(name=bad, price=1)
    event.options.create(name="b", price=2)
    event.questions.create(text=bad, kind="choice", choices=bad)
    event.consents.create(text=bad)
    assert b"<script>alert" not in english.get("/events/farm").content
