"""A secretary at the outbox: what there is, what it says, what becomes of it."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail as django_mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from inscrit.backoffice import page_of
from inscrit.events.models import Event
from inscrit.mail import changes, delivery
from inscrit.mail.models import EventMails, Message, MessageState, UntoldChange
from inscrit.mail.samples import SAMPLES
from inscrit.mail.services import why_needless
from inscrit.registrations.lifecycle import CancelRequested, CheckoutExpired
from inscrit.registrations.models import Registration
from inscrit.waiting import services as waiting

from . import event_form
from .desk import address, asked, chosen, done, listed, organiser, reader, seen, text_of
from .mailserver import MailServer
from .test_audit import make_event, paid, register, tell
from .test_waiting_list import order

pytestmark = pytest.mark.django_db


def confirmation(registration: Registration | None = None) -> Message:
    registration = registration or paid(make_event())
    return registration.messages.get(kind="confirmed")


def body_of(desk: Client, message: Message) -> str:
    answer = desk.get(reverse("admin:mail_message_body", args=[message.pk]))
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    return answer.content.decode()


def test_a_message_is_shown_as_it_was_sent_even_after_a_change(server: MailServer) -> None:
    message = confirmation()
    desk = organiser()
    assert "As it would be sent now" in seen(desk, message)
    delivery.deliver(message.pk)
    Event.objects.update(title="Another title")
    page = seen(desk, message)
    assert "As it was sent on" in page
    assert "Another title" not in page.split("As it was sent on")[1]
    assert "Sortie" in body_of(desk, message)


def test_what_opens_a_registration_is_shown_to_nobody_else(server: MailServer) -> None:
    registration = paid(make_event())
    message = confirmation(registration)
    desk = organiser()
    for _ in range(2):
        for text in (body_of(desk, message), desk.get(page_of(message)).content.decode()):
            assert registration.token not in text
        delivery.deliver(message.pk)
    (mail,) = server.taken
    sent = mail.get_body(("plain",))
    assert sent is not None
    assert registration.token in sent.get_content()
    (kept,) = message.sendings.all()
    assert registration.token not in kept.text + kept.html


def test_a_message_is_found_by_address_name_reference_and_event() -> None:
    registration = paid(make_event(title="Kermesse"))
    paid(make_event(title="Sortie"))
    desk = organiser()
    for words in (registration.pk, "Kermesse"):
        assert "1 message" in listed(desk, Message, f"?q={words}")
    for words in ("parent@example.org", "Parent"):
        assert "2 messages" in listed(desk, Message, f"?q={words}")
    assert "0 messages" in listed(desk, Message, "?kind__exact=reminder")


def test_a_message_given_up_is_never_sent_and_no_more_a_thing_to_do(server: MailServer) -> None:
    message = confirmation()
    Message.objects.update(state="failed", error="550 no such user")
    desk = organiser()
    index = reverse("admin:index")
    assert "1 e-mail that could not be delivered" in text_of(desk.get(index))
    url = address(message, "give-up")
    assert f'action="{url}"' in desk.get(page_of(message)).content.decode()
    desk.post(url)
    message.refresh_from_db()
    assert (message.state, message.error) == (MessageState.DROPPED, "Abandonné par admin:marie-en.")
    assert "could not be delivered" not in text_of(desk.get(index))
    delivery.deliver(message.pk)
    assert server.taken == []
    assert "it does not wait to be sent" in chosen(desk, "give_up", message)
    assert "Not sent: Abandonné par admin:marie-en." in listed(desk, Message)


def test_a_person_can_still_send_what_was_given_up(server: MailServer) -> None:
    message = confirmation()
    Message.objects.update(state="dropped")
    organiser().post(address(message, "send-again"))
    delivery.deliver(message.pk)
    assert len(server.taken) == 1


def test_who_would_call_for_a_payment_that_has_come_is_told_so() -> None:
    registration = paid(make_event())
    message = registration.messages.create(
        kind="registered", key="x", recipient="a@example.org", locale="fr", state="sent"
    )
    page = chosen(organiser(), "send_again", message)
    assert "It is paid by now, or it has ended." in page
    message.refresh_from_db()
    assert message.state == MessageState.SENT


def test_who_may_only_look_gives_nothing_up() -> None:
    message = confirmation()
    url = address(message, "give-up")
    assert reader().post(url).status_code == 403
    message.refresh_from_db()
    assert message.state == MessageState.QUEUED


def preview(name: str) -> str:
    return reverse(f"admin:mail_message_{name}")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_mail_can_be_looked_at_and_nothing_is_sent(language: str) -> None:
    event = make_event(title="Kermesse")
    desk = organiser(language)
    before = ProcrastinateJob.objects.count()
    for name in SAMPLES:
        query = f"?sample={name}&language={language}&event={event.pk}"
        page = text_of(desk.get(preview("preview") + query))
        if name != "organiser_alert":
            assert "Kermesse" in page
        assert "</html>" in desk.get(preview("preview_body") + query).content.decode()
    assert text_of(desk.get(preview("preview")))
    assert not Message.objects.exists()
    assert ProcrastinateJob.objects.count() == before
    assert django_mail.outbox == []


@pytest.mark.parametrize("query", ["?sample=nothing", "?language=xx", "?event=evt-none"])
def test_what_does_not_exist_is_not_found(query: str) -> None:
    assert organiser().get(preview("preview") + query).status_code == 404


def test_send_me_this_one_reaches_whoever_asks(server: MailServer) -> None:
    desk = organiser()
    url = preview("preview_send") + "?sample=reminder&language=fr"
    assert desk.get(url).status_code == 405
    assert "on its way to m@example.org" in text_of(desk.post(url, follow=True))
    (mail,) = server.taken
    assert mail["to"] == "m@example.org"
    assert str(mail["subject"]).strip().startswith("[Example] À bientôt")
    server.go()
    assert "did not take it" in text_of(desk.post(url, follow=True))
    User.objects.update(email="")
    assert "has no e-mail address" in text_of(desk.post(url, follow=True))


def test_whoever_may_not_see_messages_sees_no_preview() -> None:
    clerk = User.objects.create_user("clerk", "c@example.org", "x", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_event"))
    desk = Client()
    desk.force_login(clerk)
    for name in ("preview", "preview_body"):
        assert desk.get(preview(name)).status_code == 403
    assert desk.post(preview("preview_send")).status_code == 403


def moved(event: Event) -> Event:
    event.starts_at += timedelta(days=7)
    event.ends_at += timedelta(days=7)
    event.location = "Salle des fêtes"
    event.save(update_fields=["starts_at", "ends_at", "location"])
    return event


def test_registrants_are_told_of_a_change_once_and_only_who_believes_otherwise(
    server: MailServer,
) -> None:
    event = make_event()
    there = paid(event)
    tell(register(event), CheckoutExpired(None))
    moved(event)
    later = paid(event)
    desk = organiser()
    assert "do not know yet" in seen(desk, event)
    question = asked(desk, event, "tell-change")
    assert "Where: Salle des fêtes (before: –)" in question
    assert "1 registrant is told by e-mail." in question
    assert "1 registrant is told" in done(desk, event, "tell-change")
    message = Message.objects.get(kind="event_changed")
    assert message.registration == there != later
    delivery.deliver(message.pk)
    mail = server.taken[-1]
    assert str(mail["subject"]) == "Changement à noter\u00a0: Sortie"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Salle des fêtes\n  (avant" in body.get_content().replace("\r\n", "\n")
    assert "do not know yet" not in seen(desk, event)
    assert "nothing that they do not know" in asked(desk, event, "tell-change")


def test_those_who_wait_are_told_of_a_change_in_words_of_their_own(server: MailServer) -> None:
    event = make_event(capacity=2)
    seated = [paid(event), paid(event)]
    wanda, left, zoe = (waiting.join(order(event, 1, name)) for name in ("Wanda", "Leo", "Zoe"))
    waiting.leave(left.pk)
    moved(event)
    waiting.join(order(event, 1, "Later"))
    tell(seated[0], CancelRequested(refund=True))
    waiting.serve(event.pk)
    desk = organiser()
    question = asked(desk, event, "tell-change")
    assert "2 registrants are told by e-mail." in question  # one joined the line before the change
    assert "1 person on the waiting list is told by e-mail." in question
    assert "1 person on the waiting list is told" in done(desk, event, "tell-change")
    told = Message.objects.filter(kind="event_changed")
    wanda.refresh_from_db()
    assert {one.registration for one in told} == {seated[1], wanda.registration, None}
    message = told.get(waiting=zoe)
    assert why_needless(message) == ""
    delivery.deliver(message.pk)
    mail = server.taken[-1]
    assert str(mail["subject"]) == "Changement à noter\u00a0: Sortie"
    body = mail.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert "Salle des fêtes (avant" in text
    assert "pour lequel vous avez demandé une place en liste d’attente" in text
    assert "merci de quitter la liste d’attente en suivant le lien" in text
    assert f"/waiting-list/{zoe.pk}?token=" in text
    waiting.leave(zoe.pk)
    message.refresh_from_db()
    assert "wait any more" in why_needless(message)


def test_who_waits_believes_something_even_if_nobody_has_a_place() -> None:
    event = make_event(capacity=1)
    only = paid(event)
    entry = waiting.join(order(event))
    Event.objects.filter(pk=event.pk).update(sales_stopped_at=timezone.now())
    tell(only, CancelRequested(refund=True))
    event.refresh_from_db()
    moved(event)
    believed = changes.untold(event)
    assert believed is not None
    assert changes.tell(event) == changes.Readers(0, 1)
    assert Message.objects.get(kind="event_changed").waiting == entry


def test_the_organiser_may_tell_nobody() -> None:
    event = make_event()
    paid(event)
    moved(event)
    answer = organiser().post(address(event, "keep-quiet"), follow=True)
    assert "Nobody is told." in text_of(answer)
    assert not Message.objects.filter(kind="event_changed").exists()
    assert changes.untold(event) is None


def test_what_nobody_believes_is_no_change() -> None:
    empty = moved(make_event())
    draft = make_event(status="draft")
    moved(draft)
    assert not UntoldChange.objects.exists()
    event = make_event()
    paid(event)
    Event.objects.filter(pk=event.pk).update(description="Another", capacity=30)
    assert not UntoldChange.objects.exists()
    assert changes.untold(empty) is None


def test_a_change_that_is_taken_back_needs_no_word() -> None:
    event = make_event()
    paid(event)
    Event.objects.filter(pk=event.pk).update(title="Wrong")
    event.refresh_from_db()
    assert changes.untold(event) is not None
    Event.objects.filter(pk=event.pk).update(title="Sortie")
    event.refresh_from_db()
    assert changes.untold(event) is None


def test_two_changes_are_told_as_one_against_what_was_believed_first() -> None:
    event = make_event()
    paid(event)
    for title in ("Second", "Third"):
        Event.objects.filter(pk=event.pk).update(title=title)
    event.refresh_from_db()
    believed = changes.untold(event)
    assert believed is not None
    (change,) = changes.differences(believed, event)
    assert (change.before, change.now) == ("Sortie", "Third")


def test_saving_an_event_that_people_registered_for_leads_to_the_question() -> None:
    event = make_event()
    paid(event)
    desk = organiser()
    words = {
        "mails-0-words": "Apportez un pull.",
        "mails-0-other_words": "Bring a sweater.",
        "mails-0-reminder_days": "7",
    }
    answer = event_form.save(desk, event, title="Grande sortie", **words)
    assert answer.status_code == 302, answer.context["errors"] if answer.context else ""
    event.refresh_from_db()
    assert answer["location"] == address(event, "tell-change"), event.title
    mails = EventMails.objects.get(event=event)
    assert (mails.reminder_days, mails.other_words) == (7, "Bring a sweater.")
    page = desk.get(reverse("admin:events_event_change", args=[event.pk])).content.decode()
    for language, said in (("fr", "Apportez un pull."), ("en", "Bring a sweater.")):
        preview = f"sample=confirmed&language={language}&event={event.pk}"
        (link,) = re.findall(rf'href="([^"]*{preview})"', html.unescape(page))
        assert said in desk.get(link).content.decode()
