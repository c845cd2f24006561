"""What a registrant reads in the mailbox."""

import itertools
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.mail.composing import compose
from inscrit.mail.digest import figures_of
from inscrit.mail.models import FOR_ORGANISERS, FOR_WHO_WAITS, Message, MessageKind
from inscrit.pages.timeline import timeline
from inscrit.registrations.models import Participant, PaymentMethod, Registration

pytestmark = pytest.mark.django_db

LOCALES = ("fr", "en")
TO_REGISTRANTS = [kind for kind in MessageKind.values if kind not in FOR_ORGANISERS + FOR_WHO_WAITS]
EVERY_MAIL = list(itertools.product(TO_REGISTRANTS, LOCALES))
BEFORE = {
    "title": "L’école",
    "location": "",
    "starts_at": "2031-05-13T07:30:00+00:00",
    "ends_at": "2031-05-13T15:00:00+00:00",
    "time_zone": "Europe/Paris",
}


@pytest.fixture
def registration() -> Registration:
    event = Event.objects.create(
        title="L’école & la <ferme>",
        location="Ferme du Bois-Joli",
        starts_at=datetime(2031, 5, 14, 7, 30, tzinfo=UTC),
        ends_at=datetime(2031, 5, 14, 15, 0, tzinfo=UTC),
        price=1250,
        capacity=8,
        status=EventStatus.PUBLISHED,
    )
    made = Registration.objects.create(
        event=event,
        status="PAID",
        contact_name="Zoé O’Brien <zoe>",
        contact_email="zoe@example.org",
        locale="fr",
        places=2,
        amount=2500,
        currency="eur",
        paid_at=timezone.now(),
        hold_expires_at=datetime(2031, 5, 1, 9, 0, tzinfo=UTC),
    )
    for position, name in enumerate(("Léa", "Noé"), start=1):
        Participant.objects.create(
            registration=made, position=position, first_name=name, last_name="O’Brien"
        )
    return made


def mail(registration: Registration, kind: str, locale: str = "fr") -> EmailMultiAlternatives:
    message = Message(registration=registration, kind=kind, recipient="zoe@example.org")
    message.locale = locale
    message.context = {"before": BEFORE}
    message.pk = 1
    return compose(message)


def html_of(composed: EmailMultiAlternatives) -> str:
    (alternative,) = composed.alternatives
    return str(alternative[0])


class Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs)["href"])


@pytest.mark.parametrize(("kind", "locale"), EVERY_MAIL)
def test_every_mail_leads_to_the_registration_and_names_the_event(
    registration: Registration, kind: str, locale: str
) -> None:
    composed = mail(registration, kind, locale)
    page = f"http://localhost:8000{registration.get_absolute_url()}"
    assert page in str(composed.body)
    first, *others = Links(html_of(composed)).found
    assert first == page
    assert all(str(other).startswith("http://localhost:8000/no-more-mail/1/") for other in others)
    assert registration.event.title in composed.subject
    assert "Léa O’Brien" in str(composed.body)
    assert registration.pk in html_of(composed)


@pytest.mark.parametrize(("kind", "locale"), EVERY_MAIL)
def test_texts_are_not_escaped_and_html_is(
    registration: Registration, kind: str, locale: str
) -> None:
    composed = mail(registration, kind, locale)
    assert "L’école & la <ferme>" in str(composed.body)
    assert "&amp;" not in str(composed.body)
    assert "L’école &amp; la &lt;ferme&gt;" in html_of(composed)
    assert "<zoe>" not in html_of(composed)


@pytest.mark.parametrize("kind", TO_REGISTRANTS)
def test_the_two_languages_say_it_in_their_own_words(registration: Registration, kind: str) -> None:
    french, english = (str(mail(registration, kind, locale).body) for locale in LOCALES)
    assert "Bonjour Zoé" in french
    assert "Hello Zoé" in english
    assert not set(french.split("\n\n")[1:3]) & set(english.split("\n\n")[1:3])


def test_the_confirmation_tells_amount_places_and_local_time(registration: Registration) -> None:
    text = str(mail(registration, "confirmed").body)
    assert "Nous avons bien reçu votre paiement de 25,00\u00a0€" in text
    assert "vos 2 places sont confirmées" in text
    assert "mercredi 14 mai 2031, 9\u202fh\u202f30 – 17\u202fh\u202f00" in text
    assert "€25.00" in str(mail(registration, "confirmed", "en").body)


def test_the_confirmation_tells_the_amount_that_came(registration: Registration) -> None:
    registration.status, registration.paid_at = "PAID", timezone.now()
    registration.payments.create(
        key="pi_1", status="succeeded", amount=1700, currency="eur", settles=True
    )
    text = str(mail(registration, "confirmed").body)
    assert "votre paiement de 17,00" in text
    assert "25,00" not in text


def test_a_free_confirmation_speaks_of_no_money(registration: Registration) -> None:
    registration.status, registration.amount, registration.paid_at = "FREE", 0, None
    text = str(mail(registration, "confirmed", "en").body)
    assert "Your 2 places are confirmed." in text
    assert "€" not in text
    assert "payment" not in text


def test_a_part_of_the_money_returned_leaves_the_registration_confirmed(
    registration: Registration,
) -> None:
    registration.amount_refunded = 500
    text = str(mail(registration, "refunded", "en").body)
    assert "€5.00 has been returned" in text
    assert "stays confirmed" in text


def test_what_was_returned_of_another_amount_is_told_as_it_came(
    registration: Registration,
) -> None:
    registration.status, registration.paid_at = "REFUNDED", timezone.now()
    registration.amount_refunded = registration.amount
    registration.payments.create(
        key="pi_1", status="succeeded", amount=6500, currency="eur", refunded=6500
    )
    text = str(mail(registration, "refunded", "en").body)
    assert "€65.00 has been returned to you in all" in text
    assert "Amount: €65.00" in text


def test_who_cancels_before_paying_reads_that_nothing_was_charged(
    registration: Registration,
) -> None:
    registration.status, registration.paid_at = "CANCELLED", None
    assert "Nothing was charged." in str(mail(registration, "cancelled", "en").body)


@pytest.mark.parametrize(
    ("money", "said"),
    [
        ({"status": "processing"}, "Your payment is under way."),
        ({"refund_ordered": 2500}, "What you paid is being returned"),
        ({}, "the organiser decides about it"),
    ],
)
def test_a_cancelled_registration_reads_what_becomes_of_its_money(
    registration: Registration, money: dict[str, Any], said: str
) -> None:
    registration.status, registration.event.status = "CANCELLED", EventStatus.CANCELLED
    came = {"key": "pi_1", "status": "succeeded", "amount": 2500, "currency": "eur"}
    registration.payments.create(**came | money)
    assert said in str(mail(registration, "cancelled", "en").body)


def test_who_paid_by_cheque_and_cancels_hears_from_the_organiser(
    registration: Registration,
) -> None:
    registration.status = "CANCELLED"
    registration.payment_method = PaymentMethod.CHEQUE
    text = str(mail(registration, "cancelled", "en").body)
    assert "contact you about your cheque" in text


def test_an_event_of_several_days_tells_both(registration: Registration) -> None:
    registration.event.ends_at += timedelta(days=2)
    text = str(mail(registration, "confirmed", "en").body)
    assert "Wednesday 14 May 2031, 9:30 – Friday 16 May 2031, 17:00" in text


def to_organiser(kind: str, locale: str = "fr", **said: object) -> EmailMultiAlternatives:
    message = Message(kind=kind, recipient="organiser@example.org", locale=locale, pk=7, **said)
    return compose(message)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_organiser_reads_why_a_person_is_needed_and_where_to_look(
    registration: Registration, locale: str
) -> None:
    registration.review = "amount_mismatch"
    composed = to_organiser("organiser_review", locale, registration=registration)
    page = f"http://localhost:8000/admin/registrations/registration/{registration.pk}/change/"
    assert Links(html_of(composed)).found == [page]
    text = str(composed.body)
    assert page in text
    assert registration.event.title in composed.subject
    assert "Zoé O’Brien <zoe>" in text
    assert registration.pk in text
    assert {"fr": "25,00\u00a0€", "en": "€25.00"}[locale] in text
    assert {"fr": "Comparez les montants", "en": "Compare the amounts"}[locale] in text


def test_what_a_review_says_itself_goes_before_what_is_so_now(registration: Registration) -> None:
    registration.review = "amount_mismatch"
    context = {"reason": "dispute_lost"}
    composed = to_organiser("organiser_review", "en", registration=registration, context=context)
    text = str(composed.body)
    assert "A dispute is lost" in text
    assert "Decide whether" not in text


def test_a_review_without_a_reason_tells_what_the_journal_ends_with(
    registration: Registration,
) -> None:
    registration.journal.create(to_status="PAID", reason="marked_paid", actor="x")
    composed = to_organiser("organiser_review", "en", registration=registration)
    assert "received the payment" in str(composed.body)


@pytest.mark.parametrize("locale", LOCALES)
def test_an_alert_says_what_it_was_given(locale: str) -> None:
    said = {"subject": "5 < 6 & rising", "text": "First <b>.\n\nSecond."}
    composed = to_organiser("organiser_alert", locale, context=said)
    assert composed.subject == "Inscrit · 5 < 6 & rising"
    assert "First <b>.\n\nSecond." in str(composed.body)
    assert "<p>First &lt;b&gt;.</p>" in html_of(composed)
    assert Links(html_of(composed)).found == ["http://localhost:8000/admin/"]


@pytest.mark.parametrize("kind", FOR_ORGANISERS)
def test_no_mail_to_the_organiser_holds_what_opens_a_registration(
    registration: Registration, kind: str
) -> None:
    said = {"subject": "s", "text": "t", **figures_of(timezone.localdate())}
    composed = to_organiser(kind, registration=registration, context=said)
    for text in (str(composed.body), html_of(composed)):
        assert registration.token not in text
        assert "token" not in text


def test_mails_to_the_organiser_are_no_part_of_the_registrants_story(
    registration: Registration,
) -> None:
    sent = {
        "recipient": "x@example.org",
        "locale": "fr",
        "state": "sent",
        "sent_at": timezone.now(),
    }
    registration.messages.create(kind="organiser_review", **sent)
    assert timeline(registration) == []
    registration.messages.create(kind="confirmed", **sent)
    assert len(timeline(registration)) == 1
