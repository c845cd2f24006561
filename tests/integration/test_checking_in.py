"""At the entrance: who is let in, once, and how it is said."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import Error, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inscrit.backoffice import page_of
from inscrit.checkin import services
from inscrit.checkin.models import Arrival
from inscrit.checkin.verdicts import Verdict
from inscrit.events.models import Event
from inscrit.papers import entry
from inscrit.registrations.models import Registration

from .conftest import MakeCaller, Setting, content
from .desk import organiser, reader, text_of
from .seats import event, seat

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Client:
    return organiser()


def at(there: Event) -> str:
    return f"/admin/checkin/{there.pk}"


def scan(desk: Client, there: Event, code: str, moment: str = "") -> dict[str, Any]:
    """What the page's script is told."""
    said = {"deed": "scan", "code": code, "scan": moment}
    answer = desk.post(at(there), said, headers={"accept": "application/json"})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def here(registration: Registration) -> list[str]:
    return [str(one.participant) for one in services.guests(registration) if one.arrival]


# A code is shown


def test_everybody_of_a_code_comes_in_and_who_let_them_in_is_known(desk: Client) -> None:
    registration = seat(event(), "Léa", "Noé", "Max")
    told = scan(desk, registration.event, entry.code(registration.pk))
    assert (told["level"], told["verdict"]) == ("good", "welcome")
    assert "3 people, welcome!" in told["html"]
    assert "Zoé O’Brien" in told["html"]
    assert (told["arrived"], told["expected"]) == (3, 3)
    assert set(Arrival.objects.values_list("by", flat=True)) == {"admin:marie-en"}


def test_the_same_code_again_is_told_with_the_time(desk: Client) -> None:
    registration = seat(event())
    code = entry.code(registration.pk)
    scan(desk, registration.event, code, "one")
    Arrival.objects.update(at="2031-05-14T12:02:00Z")
    told = scan(desk, registration.event, code, "two")
    assert (told["level"], told["verdict"]) == ("warn", "already")
    assert "Already checked in at 14:02" in told["html"]
    assert Arrival.objects.count() == 2


def test_a_request_that_is_sent_again_has_the_same_answer(desk: Client) -> None:
    registration = seat(event())
    code = entry.code(registration.pk)
    first = scan(desk, registration.event, code, "lost-on-its-way-back")
    again = scan(desk, registration.event, code, "lost-on-its-way-back")
    assert first["verdict"] == again["verdict"] == "welcome"
    assert Arrival.objects.count() == 2


@pytest.mark.parametrize(
    ("status", "verdict", "said"),
    [
        ("PENDING", "not_paid", "Not paid"),
        ("EXPIRED", "not_paid", "Not paid"),
        ("REFUNDED", "refunded", "Refunded"),
        ("CANCELLED", "cancelled", "Cancelled"),
    ],
)
def test_who_has_no_place_stays_out(desk: Client, status: str, verdict: str, said: str) -> None:
    registration = seat(event(), status=status)
    told = scan(desk, registration.event, entry.code(registration.pk))
    assert (told["level"], told["verdict"]) == ("bad", verdict)
    assert said in told["html"]
    assert not Arrival.objects.exists()


def test_a_code_of_another_event_says_which(desk: Client) -> None:
    registration = seat(event(title="La kermesse"))
    told = scan(desk, event(), entry.code(registration.pk))
    assert (told["level"], told["verdict"]) == ("bad", "wrong_event")
    assert "This code is for La kermesse, Wednesday 14 May 2031." in told["html"]
    assert not Arrival.objects.exists()


@pytest.mark.parametrize("code", ["", "hello", "https://example.org", "INSCRIT:REG-X:FORGED"])
def test_what_is_no_code_of_ours_is_told_so(desk: Client, code: str) -> None:
    told = scan(desk, event(), code)
    assert (told["level"], told["verdict"]) == ("bad", "unknown")


def test_two_phones_with_one_code_let_in_once() -> None:
    registration = seat(event())
    verdicts: list[Verdict] = []
    go = threading.Barrier(4)

    def phone(n: int) -> None:
        go.wait(10)
        answer = services.check_in(registration.event_id, registration.pk, by=f"{n}", scan=f"{n}")
        verdicts.append(answer.verdict)
        connection.close()

    phones = [threading.Thread(target=phone, args=(n,)) for n in range(4)]
    for one in phones:
        one.start()
    for one in phones:
        one.join(30)
    assert sorted(verdicts) == [Verdict.ALREADY] * 3 + [Verdict.WELCOME]
    assert Arrival.objects.count() == 2


def test_the_database_itself_lets_nobody_in_twice() -> None:
    participant = seat(event()).participants.all()[0]
    Arrival.objects.create(participant=participant, by="a")
    with pytest.raises(Error), transaction.atomic():
        Arrival.objects.create(participant=participant, by="b")


# By hand, without a camera and without scripts


def test_a_name_is_found_by_its_parts(desk: Client) -> None:
    there = event()
    seat(there, "Maëlys")
    seat(there, "Lou", contact_name="Hamid Benali")
    assert "Nobody here is called" in text_of(desk.get(at(there), {"q": "maelle o’br"}))
    page = text_of(desk.get(at(there), {"q": "maë o’br"}))
    assert "Maëlys O’Brien" in page
    assert "Hamid" not in page
    assert "Hamid Benali" in text_of(desk.get(at(there), {"q": "benali"}))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("helene", "Hélène"),
        ("HÉLÈNE", "hélène"),
        ("hélène", "Helene"),
        ("françois", "Francois"),
        ("ileana", "I\u0302leana"),  # as a Mac may write it
        ("d'arc", "D’Arc"),
        ("coeur", "Sacré-Cœur"),
        ("nguyen", "Nguyễn"),
    ],
)
def test_nobody_has_to_type_accents_at_the_entrance(desk: Client, typed: str, stored: str) -> None:
    there = event()
    seat(there, stored)
    seat(there, "Lou", contact_name=stored)
    page = text_of(desk.get(at(there), {"q": typed}))
    assert page.count("Nobody here is called") == 0
    assert len(services.found(there, typed)) == 2
    assert services.found(there, "50%_") == []


def test_a_family_is_found_by_words_for_several_of_them(desk: Client) -> None:
    there = event()
    seat(there, "Léa", "Noé", contact_name="Hamid Benali")
    seat(there, "Léa", contact_name="Lou Petit")
    page = text_of(desk.get(at(there), {"q": "léa noé benali"}))
    assert "Hamid Benali" in page
    assert "Lou Petit" not in page


@pytest.mark.parametrize("what", ["choice", "search"])
def test_many_take_no_more_queries_than_few(desk: Client, what: str) -> None:
    there = event()

    def queries() -> int:
        seat(there, "Léa", "Noé")
        seat(event(title="Another"), "Léa")
        way = "/admin/checkin/" if what == "choice" else f"{at(there)}?q=léa"
        with CaptureQueriesContext(connection) as asked:
            assert desk.get(way).status_code == 200
        return len(asked)

    queries()  # what is read once
    assert queries() == queries()


def test_only_what_takes_place_has_an_entrance(desk: Client) -> None:
    event(title="La kermesse")
    event(title="Un brouillon", status="draft")
    page = text_of(desk.get("/admin/checkin/"))
    assert "La kermesse" in page
    assert "Un brouillon" not in page


def test_a_form_lets_in_one_and_takes_it_back(desk: Client) -> None:
    registration = seat(event())
    lea, noe = registration.participants.all()
    address = at(registration.event)
    said = {"deed": "arrive", "registration": registration.pk, "participant": lea.pk}
    assert "1 person, welcome!" in text_of(desk.post(address, said))
    assert here(registration) == ["Léa O’Brien"]
    page = text_of(desk.post(address, {"deed": "undo", "participant": lea.pk}))
    assert "Taken back" in page
    assert here(registration) == []
    undone = Arrival.objects.get()
    assert (undone.undone_by, undone.undone_at is None) == ("admin:marie-en", False)
    desk.post(address, {"deed": "undo", "participant": lea.pk})
    desk.post(address, {"deed": "arrive", "registration": registration.pk})
    assert here(registration) == ["Léa O’Brien", "Noé O’Brien"]
    assert noe.pk != lea.pk


def test_those_who_come_later_are_welcome_with_the_same_code(desk: Client) -> None:
    registration = seat(event())
    lea = registration.participants.all()[0]
    services.check_in(registration.event_id, registration.pk, by="x", participants=[lea.pk])
    told = scan(desk, registration.event, entry.code(registration.pk))
    assert "1 person, welcome!" in told["html"]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"deed": "undo", "participant": "x"},
        {"deed": "undo", "participant": "9" * 40},
        {"deed": "arrive", "registration": "a\0b"},
        {"deed": "dance", "participant": "٣"},
    ],
)
def test_requests_that_make_no_sense_change_nothing(desk: Client, said: dict[str, str]) -> None:
    registration = seat(event())
    assert desk.post(at(registration.event), said).status_code == 200
    assert here(registration) == []


def test_an_entrance_that_there_is_not_is_told_from_a_proxy_without_a_server(desk: Client) -> None:
    """The page's script knows our answers by a header: a proxy's own 404 is no answer."""
    answer = desk.post("/admin/checkin/ev-none", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer["Cross-Origin-Opener-Policy"]


def test_a_participant_of_another_event_is_not_touched(desk: Client) -> None:
    registration = seat(event())
    services.check_in(registration.event_id, registration.pk, by="x")
    lea = registration.participants.all()[0]
    desk.post(at(event()), {"deed": "undo", "participant": lea.pk})
    assert "Léa O’Brien" in here(registration)


# Who may


def test_who_is_not_signed_in_is_sent_to_the_door_and_a_script_is_told() -> None:
    there = event()
    assert "/admin/login/" in Client().get(at(there))["Location"]
    answer = Client().post(at(there), {"deed": "scan"}, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"signed_out": True})


def test_a_script_is_told_when_a_second_factor_is_asked_for(desk: Client, setting: Setting) -> None:
    there = event()
    setting(REQUIRE_SECOND_FACTOR="yes")
    assert "/account/second-factor/" in desk.get(at(there))["Location"]
    answer = desk.post(at(there), {"deed": "scan"}, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"signed_out": True})


def test_who_only_reads_lets_nobody_in() -> None:
    registration = seat(event())
    assert reader().get(at(registration.event)).status_code == 403
    assert reader_again().post(at(registration.event), {}).status_code == 403


def reader_again() -> Client:
    client = Client()
    client.force_login(User.objects.get(username="paul"))
    return client


def test_one_right_is_enough_for_the_entrance() -> None:
    helper = User.objects.create_user("helper", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="add_arrival"))
    client = Client(headers={"accept-language": "en"})
    client.force_login(helper)
    registration = seat(event())
    told = scan(client, registration.event, entry.code(registration.pk))
    assert told["verdict"] == "welcome"
    assert "L’école à la ferme" in text_of(client.get("/admin/checkin/"))


def test_the_camera_is_for_this_page_and_nothing_foreign_runs_on_it(desk: Client) -> None:
    answer = desk.get(at(event()))
    assert answer["Permissions-Policy"].startswith("camera=(self)")
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert " style=" not in answer.content.decode()


def test_an_events_page_leads_to_its_entrance(desk: Client) -> None:
    registration = seat(event())
    services.check_in(registration.event_id, registration.pk, by="x")
    page = desk.get(page_of(registration.event))
    assert at(registration.event) in page.content.decode()
    assert "2 of 2 have arrived." in text_of(page)
    assert "admin:x" not in text_of(page)
    assert text_of(desk.get("/admin/checkin/arrival/")).count("O’Brien") == 2


def test_the_count_leaves_out_who_has_no_place_any_more() -> None:
    there = event()
    gone = seat(there)
    services.check_in(there.pk, gone.pk, by="x")
    seat(there, "Max")
    Registration.objects.filter(pk=gone.pk).update(status="REFUNDED")
    assert services.crowd(there) == services.Crowd(0, 1)


# By the API


def test_a_program_checks_in_with_a_secretarys_key(staff: MakeCaller) -> None:
    registration = seat(event())
    secretary = staff("secretary")
    path = f"/registrations/{registration.pk}/checkin"
    told = content(secretary.post(path))
    assert told["verdict"] == "welcome"
    assert all(one["arrived_at"] for one in told["participants"])
    assert content(secretary.post(path))["verdict"] == "already"
    assert set(Arrival.objects.values_list("by", flat=True)) == {"api:a secretary"}


def test_a_program_is_told_why_somebody_stays_out(staff: MakeCaller) -> None:
    secretary = staff("secretary")
    waiting, refunded = seat(event(), status="PENDING"), seat(event(), status="REFUNDED")
    for registration, code in ((waiting, "not_paid"), (refunded, "refunded")):
        path = f"/registrations/{registration.pk}/checkin"
        assert content(secretary.post(path), 409)["code"] == code
    path = f"/registrations/{waiting.pk}/checkin"
    elsewhere = secretary.post(path, {"event_id": "ev-another"})
    assert content(elsewhere, 409)["code"] == "wrong_event"
    assert content(secretary.post("/registrations/reg-x/checkin"), 404)["code"] == "not_found"
    assert content(staff("readonly").post(path), 403)["code"] == "forbidden"
