"""Somebody who has lost their links asks for them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from inscrit.links import sending, services
from inscrit.links.models import LinkRequest
from inscrit.organisation.models import Organisation
from inscrit.registrations.models import Registration

from .seats import event, seat

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


def ask(address: str, client: Client | None = None) -> Any:
    return (client or Client(headers={"accept-language": "fr"})).post("/my", {"email": address})


def jobs() -> list[int]:
    waiting = ProcrastinateJob.objects.filter(task_name="inscrit.links.tasks.send_link")
    return [one.args["request_id"] for one in waiting.order_by("id")]


def link() -> str:
    """The path in the newest mail."""
    sending.send(jobs()[-1])
    found = re.search(r"/my/\S+", str(mail.outbox[-1].body))
    assert found
    return found[0]


def without_token(content: bytes) -> str:
    """The page without what makes each request another one."""
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", content.decode())


def test_the_link_shows_all_registrations_of_the_address_and_no_others() -> None:
    there = event()
    one, other = seat(there), seat(event(title="La kermesse"), contact_email="ZOE@example.org")
    strange = seat(there, contact_email="zoe@example.com")
    ask("Zoe@Example.org")
    page = Client(headers={"accept-language": "fr"}).get(link()).content.decode()
    assert mail.outbox[-1].to == [other.contact_email]
    for mine in (one, other):
        assert mine.get_absolute_url() in page
        assert f"/registrations/{mine.pk}/receipt.pdf" in page
    assert strange.pk not in page


def test_whoever_asks_is_told_the_same_whether_the_address_is_known_or_not() -> None:
    seat(event())
    known, unknown = ask("zoe@example.org"), ask("nobody@example.org")
    assert known.status_code == unknown.status_code == 200
    assert without_token(known.content) == without_token(unknown.content)
    assert "Regardez dans votre boîte e-mail" in known.content.decode()
    assert len(jobs()) == 1


def test_the_mail_names_nothing_but_the_link() -> None:
    registration = seat(event())
    ask("zoe@example.org")
    link()
    sent = mail.outbox[-1]
    assert sent.subject == "Vos inscriptions"
    assert registration.token not in str(sent.body)
    assert "24 heures" in str(sent.body)


def test_the_mail_says_whose_it_is_and_where_answers_go() -> None:
    Organisation(name="École des Tilleuls", contact_email="bureau@example.org").save()
    seat(event())
    ask("zoe@example.org")
    link()
    sent = mail.outbox[-1]
    assert sent.reply_to == ["bureau@example.org"]
    parts = [one.get_payload(decode=True) for one in sent.message().walk()]
    texts = [part.decode() for part in parts if isinstance(part, bytes)]
    assert ["École des Tilleuls" in text for text in texts] == [True, True]


def test_a_link_ends_after_a_day() -> None:
    seat(event())
    ask("zoe@example.org")
    path = link()
    assert Client().get(path).status_code == 200
    LinkRequest.objects.update(asked_at=timezone.now() - timedelta(hours=24, seconds=1))
    answer = Client(headers={"accept-language": "fr"}).get(path)
    assert answer.status_code == 410
    assert "Ce lien n’est plus valable" in answer.content.decode()
    ask("nobody@example.org")
    assert LinkRequest.objects.count() == 1  # the old one is forgotten


@pytest.mark.parametrize("key", ["x", "1", "1:forged", "٣:x"])
def test_nobody_makes_a_link(key: str) -> None:
    seat(event())
    ask("zoe@example.org")
    assert Client().get(f"/my/{key}").status_code == 410


def test_a_link_does_not_follow_a_registration_to_another_address() -> None:
    seat(event())
    ask("zoe@example.org")
    path = link()
    Registration.objects.update(contact_email="somebody@example.org")
    assert Client().get(path).status_code == 410


def test_asking_too_often_sends_no_more_and_says_nothing_of_it() -> None:
    seat(event())
    answers = {without_token(ask("zoe@example.org").content) for _ in range(6)}
    assert len(answers) == 1
    assert len(jobs()) == services.MOST_PER_ADDRESS
    LinkRequest.objects.update(asked_at=timezone.now() - services.PERIOD)
    ask("zoe@example.org")
    assert len(jobs()) == services.MOST_PER_ADDRESS + 1


def test_one_place_that_tries_many_addresses_is_stopped() -> None:
    seat(event())
    for n in range(services.MOST_PER_ORIGIN):
        services.ask(f"guess-{n}@example.org", "203.0.113.9", "fr")
    services.ask("zoe@example.org", "203.0.113.9", "fr")
    assert jobs() == []
    services.ask("zoe@example.org", "203.0.113.10", "fr")
    assert len(jobs()) == 1


def test_it_keeps_no_address() -> None:
    seat(event())
    ask("zoe@example.org")
    request = LinkRequest.objects.get()
    assert "zoe" not in f"{request.who} {request.origin} {jobs()}"


def test_a_mail_is_sent_once_though_its_job_runs_twice() -> None:
    seat(event())
    ask("zoe@example.org")
    link()
    sending.send(jobs()[-1])
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("address", ["", "no address", "x" * 300 + "@example.org"])
def test_an_address_that_is_none_is_explained(address: str) -> None:
    answer = ask(address)
    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()
    assert not LinkRequest.objects.exists()


def test_what_waits_for_money_can_be_paid_from_there() -> None:
    waiting = seat(event(), status="PENDING")
    seat(event(title="Perdu"), status="EXPIRED", paid_at=None)
    ask("zoe@example.org")
    page = Client(headers={"accept-language": "fr"}).get(link()).content.decode()
    assert f"/registrations/{waiting.pk}/pay" in page
    assert "S’inscrire de nouveau" in page


def test_the_page_is_kept_nowhere() -> None:
    seat(event())
    ask("zoe@example.org")
    answer = Client().get(link())
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "strict-origin"


@pytest.mark.parametrize(("comes_from", "sent"), [("203.0.113.7", 2), ("10.0.0.5", 4)])
def test_nobody_asks_for_many_but_a_proxy_that_does_not_tell_for_whom_it_asks(
    monkeypatch: pytest.MonkeyPatch, comes_from: str, sent: int
) -> None:
    monkeypatch.setattr(services, "MOST_PER_ORIGIN", 2)
    there, client = event(), Client(REMOTE_ADDR=comes_from)
    for n in range(4):
        seat(there, contact_email=f"zoe{n}@example.org")
        assert ask(f"zoe{n}@example.org", client).status_code == 200
    assert len(jobs()) == sent
