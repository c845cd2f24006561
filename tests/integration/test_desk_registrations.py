"""Registrations at the secretary's desk: found, corrected, moved, written to, and explained."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone, translation

from inscrit.backoffice import page_of
from inscrit.desk.help_texts import help_for
from inscrit.events.models import Event
from inscrit.jobs import in_database
from inscrit.mail.models import Message
from inscrit.registrations.admin import RegistrationAdmin
from inscrit.registrations.correcting import Correction
from inscrit.registrations.lifecycle import CheckoutExpired, RefundRequested
from inscrit.registrations.models import Registration, RegistrationStatus
from inscrit.registrations.services import Contact, Order, Person
from inscrit.waiting.services import join

from .desk import (
    address,
    asked,
    chosen,
    done,
    fingerprint,
    listed,
    organiser,
    reader,
    seen,
    text_of,
)
from .test_admin_inbox import expired
from .test_audit import make_event, paid, register, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Client:
    return organiser()


def correct(desk: Client, registration: Registration, names: str = "P", **said: Any) -> str:
    people = list(registration.participants.all())
    form = {
        "seen": fingerprint(desk, registration),
        "contact_name": registration.contact_name,
        "contact_email": registration.contact_email,
        "locale": registration.locale,
        "participants-TOTAL_FORMS": len(people),
        "participants-INITIAL_FORMS": len(people),
        **said,
    }
    for n, one in enumerate(people):
        form |= {
            f"participants-{n}-id": one.pk,
            f"participants-{n}-registration": registration.pk,
            f"participants-{n}-first_name": f"{names}{n}",
            f"participants-{n}-last_name": one.last_name,
        }
    answer = text_of(desk.post(page_of(registration), form, follow=True))
    registration.refresh_from_db()
    return answer


def test_a_stale_page_does_not_bring_back_what_a_colleague_corrected(desk: Client) -> None:
    registration = register(make_event())
    read, old = fingerprint(desk, registration), registration.contact_email
    correct(desk, registration, contact_email="new@example.org")
    stale = {"seen": read, "contact_name": "Zoé", "contact_email": old}
    page = correct(desk, registration, "Q", **stale)
    assert "Something has changed meanwhile. Please look again." in page
    assert "What stands there now: new@example.org" in page
    assert "What stands there now: P0" in page
    assert registration.contact_email == "new@example.org"


def test_a_name_that_a_colleague_corrected_makes_a_page_stale(desk: Client) -> None:
    registration = register(make_event())
    read = fingerprint(desk, registration)
    registration.participants.update(last_name="Petit")
    assert "Please look again." in correct(desk, registration, seen=read)


def test_what_a_webhook_does_makes_no_page_stale(desk: Client) -> None:
    registration = register(make_event(), method="cheque")
    read = fingerprint(desk, registration)
    done(desk, registration, "mark-paid")
    assert "changed successfully" in correct(desk, registration, seen=read, contact_name="Zoé")
    assert registration.contact_name == "Zoé"


def test_a_paid_registration_is_moved_from_its_page(desk: Client) -> None:
    here, there = make_event(title="Lundi"), make_event(title="Mardi")
    registration = paid(here)
    question = asked(desk, registration, "move")
    assert "no money moves" in question
    assert "Its place at “Lundi” becomes free." in question
    assert "(20 places left)" in question
    page = done(desk, registration, "move", event=there.pk)
    assert "The registration is now at “Mardi”." in page
    assert "From “Lundi” to “Mardi”. moved marie-en" in page
    registration.refresh_from_db()
    assert registration.event == there


def test_whoever_moves_somebody_past_a_waiting_list_is_told_so(desk: Client) -> None:
    registration = paid(make_event(title="Lundi"))
    there = make_event(title="Mardi", capacity=2)
    make_event(title="Mercredi")
    register(there, people=2)
    join(Order(there.pk, Contact("A", "a@example.org", "fr"), [Person("B", "C")] * 2))
    question = asked(desk, registration, "move")
    assert "Mardi" not in question
    Event.objects.filter(pk=there.pk).update(capacity=3)
    question = asked(desk, registration, "move")
    assert "(1 place left, 2 people wait for a place)" in question
    assert "Others wait for a place at “Mardi”: moved there, it takes one before them." in question
    assert "at “Mercredi”" not in question
    assert "The registration is now at “Mardi”." in done(desk, registration, "move", event=there.pk)


def test_only_events_that_suit_are_offered(desk: Client) -> None:
    registration = paid(make_event(title="Ici"))
    for said in ({"price": 900}, {"currency": "usd"}, {"capacity": 0}, {"status": "draft"}):
        make_event(title=f"Pas {next(iter(said))}", **said)
    question = asked(desk, registration, "move")
    assert "No other published event costs the same" in question
    make_event(title="Libre", capacity=None)
    question = asked(desk, registration, "move")
    assert "Libre" in question
    assert "Pas " not in question


def test_what_fills_up_meanwhile_is_refused(desk: Client) -> None:
    registration, there = paid(make_event()), make_event(capacity=1)
    make_event(title="Autre")
    question = desk.get(address(registration, "move"))
    register(there)
    told = done(desk, registration, "move", event=there.pk)
    assert question.status_code == 200
    assert "Select a valid choice." in told
    registration.refresh_from_db()
    assert registration.event != there


def test_who_may_be_paying_is_not_moved(desk: Client) -> None:
    registration = register(make_event())
    make_event()
    assert "Somebody may be paying it at this moment" in asked(desk, registration, "move")


def test_a_corrected_address_is_written_down_without_what_it_was(desk: Client) -> None:
    registration = paid(make_event())
    said = {"contact_email": "new@example.org", "contact_name": "Camille D"}
    told = correct(desk, registration, **said)
    assert registration.contact_email == "new@example.org"
    entry = registration.journal.latest("id")
    assert (entry.reason, entry.actor) == ("contact_corrected", "admin:marie-en")
    assert entry.details == {"fields": ["contact_name", "contact_email"]}
    assert "Corrected: name, e-mail." in seen(desk, registration)
    assert "on its way" not in told


def test_while_a_name_is_corrected_nothing_else_moves_the_registration(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its row in the journal could tell of a status that is no more."""
    registration = register(make_event())
    seen_locked: list[bool] = []

    def look(_request: HttpRequest, one: Registration, _correction: Correction) -> None:
        seen_locked.append(async_to_sync(in_database)(is_locked, one))

    monkeypatch.setattr(RegistrationAdmin, "corrected", [look])
    correct(desk, registration, names="Lou")
    assert seen_locked == [True]
    assert not is_locked(registration)


def is_locked(registration: Registration) -> bool:
    with transaction.atomic():
        free = Registration.objects.select_for_update(no_key=True, skip_locked=True)
        return not free.filter(pk=registration.pk).exists()


@pytest.mark.parametrize("made", [make_event, lambda: register(make_event())])
def test_a_page_of_the_past_is_only_read(desk: Client, made: Callable[[], Model]) -> None:
    assert desk.post(address(made(), "history")).status_code == 200


def test_a_childs_name_is_corrected(desk: Client) -> None:
    registration = register(make_event(), people=2)
    correct(desk, registration, names="Lou")
    assert [one.first_name for one in registration.participants.all()] == ["Lou0", "Lou1"]
    assert registration.journal.latest("id").details == {"fields": ["participants"]}


def test_nothing_corrected_is_nothing_written_down(desk: Client) -> None:
    registration = register(make_event())
    correct(desk, registration)
    assert registration.journal.count() == 1


def test_the_mail_goes_to_the_corrected_address_when_asked(desk: Client) -> None:
    registration = paid(make_event())
    Message.objects.update(state="sent")
    page = correct(desk, registration, contact_email="new@example.org", send_mail="on")
    assert "The e-mail is on its way to new@example.org." in page
    message = registration.messages.get(kind="confirmed")
    assert (message.recipient, message.state) == ("new@example.org", "queued")


def test_the_last_mail_is_sent_again_from_the_button(desk: Client) -> None:
    registration = paid(make_event())
    Message.objects.update(state="sent")
    assert "“Registration confirmed” goes to parent@example.org." in asked(
        desk, registration, "resend"
    )
    assert "is on its way to parent@example.org" in done(desk, registration, "resend")
    assert registration.messages.get().state == "queued"


def test_where_nothing_was_written_nothing_is_sent_again(desk: Client) -> None:
    registration = register(make_event())
    assert "Nothing has been written" in asked(desk, registration, "resend")
    page = correct(desk, registration, send_mail="on")
    assert "Nothing has been written" in page


def test_cheques_are_marked_paid_once_the_person_said_yes(desk: Client) -> None:
    event = make_event()
    first, second = register(event, method="cheque"), register(event, method="cheque")
    question = chosen(desk, "mark_paid", first, second)
    assert "Has this money come?" in question
    assert question.count("The registration becomes “Paid”.") == 2
    first.refresh_from_db()
    assert first.status == "PENDING"
    assert "Done: 2" in chosen(desk, "mark_paid", first, second, yes="yes")
    first.refresh_from_db()
    assert first.status == "PAID"


@pytest.mark.parametrize(
    "query",
    [
        "parent",
        "jean_dupont@example.org",
        "jean_dupont",  # looks like a number of Stripe's, and is none
        "re_parent",
        "Zoé",
        "zoe",
        "ZOÉ durand",
        "Durand",
        "{id}",
        "pi_{id}_1",
        "re_1",
        "dp_1",
        " dp_1 ",
    ],
)
def test_a_registration_is_found_by_whatever_is_known_of_it(desk: Client, query: str) -> None:
    event = make_event()
    registration, other = paid(event), register(event)
    registration.participants.update(first_name="Zoé", last_name="Durand")
    other.participants.update(first_name="Tom", last_name="Petit")
    Registration.objects.filter(pk=other.pk).update(
        contact_name="Autre", contact_email="autre@example.net"
    )
    Registration.objects.filter(pk=registration.pk).update(
        contact_name="A re_parent", contact_email="jean_dupont@example.org"
    )
    tell(registration, RefundRequested(100))
    payment = registration.payments.get()
    payment.refunds.update(stripe_id="re_1")
    payment.disputes.create(id="dp_1", status="lost", amount=100)
    found = listed(desk, Registration, "?q=" + query.replace("{id}", registration.pk))
    assert registration.pk in found
    assert other.pk not in found


def test_everything_around_a_registration_is_one_story(desk: Client) -> None:
    registration = paid(make_event())
    tell(registration, RefundRequested(400))
    expired(registration)
    guest = registration.participants.get()
    guest.arrivals.create(by="yann", undone_at=timezone.now(), undone_by="marie")
    page = seen(desk, registration)
    story = page[page.index("What has happened") :]
    for sentence in (
        "Registered. The places are held until the payment arrives.",
        "Paid The payment arrived in time.",
        "Payment of €10.00. It is now: Succeeded.",
        "Refund of €4.00. It is now: Asked for.",
        "E-mail “Registration confirmed” to parent@example.org: Queued.",
        "Stripe told: A payment page was closed unpaid.",
        f"{guest} was let in. yann",
        f"The arrival of {guest} was taken back. marie",
    ):
        assert sentence in story


@pytest.mark.parametrize("status", RegistrationStatus.values)
def test_each_status_says_what_to_do(status: str) -> None:
    registration = Registration(status=status, payment_method="stripe")
    assert len(str(help_for(registration))) > 40
    for method in ("cheque", "cash", "transfer"):
        by_hand = Registration(status="PENDING", payment_method=method, amount=1000)
        with translation.override("en"):
            assert "The money has come" in str(help_for(by_hand))


def test_the_page_of_an_expired_registration_explains_it() -> None:
    registration = tell(register(make_event()), CheckoutExpired(None))
    assert "n’a pas été payée à temps" in seen(organiser("fr"), registration)


@pytest.mark.parametrize("deed", ["move", "resend"])
def test_whoever_may_only_read_does_nothing(deed: str) -> None:
    registration = paid(make_event())
    assert reader().post(address(registration, deed)).status_code == 403
