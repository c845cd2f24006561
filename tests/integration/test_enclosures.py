"""What comes with the confirmation, as a mailbox gets it."""

import io
from email.message import EmailMessage

import pytest
import zxingcpp
from icalendar import Calendar
from PIL import Image
from pypdf import PdfReader

from inscrit.mail import delivery, enclosures
from inscrit.mail.models import Message, MessageKind, MessageState
from inscrit.organisation.models import Organisation
from inscrit.papers import entry
from inscrit.papers.models import Receipt
from inscrit.registrations.models import Registration

from .mailserver import mail_server
from .seats import event, seat

pytestmark = pytest.mark.django_db(transaction=True)


def arrived(registration: Registration, kind: str = MessageKind.CONFIRMED) -> EmailMessage:
    """The mail, by way of a real mail server."""
    message = Message.objects.create(
        registration=registration, kind=kind, recipient="zoe@example.org", locale="fr"
    )
    with mail_server() as server:
        assert delivery.deliver(message.pk) is delivery.Delivery.DONE
        (mail,) = server.taken
    return mail


def part(mail: EmailMessage, content_type: str) -> EmailMessage:
    (found,) = (one for one in mail.walk() if one.get_content_type() == content_type)
    assert isinstance(found, EmailMessage)
    return found


def test_the_receipt_is_enclosed_with_its_number() -> None:
    enclosed = part(arrived(seat(event())), "application/pdf")
    receipt = Receipt.objects.get()
    assert enclosed.get_filename() == f"recu-{receipt}.pdf"
    reader = PdfReader(io.BytesIO(enclosed.get_payload(decode=True)))  # type: ignore[arg-type]
    assert str(receipt) in reader.pages[0].extract_text()


def test_the_calendars_file_is_one_that_mail_programs_take() -> None:
    registration = seat(event())
    enclosed = part(arrived(registration), "text/calendar")
    assert enclosed.get_param("method") == "PUBLISH"
    assert enclosed.get_content_charset() == "utf-8"
    (found,) = Calendar.from_ical(enclosed.get_content()).walk("VEVENT")
    assert found["summary"] == "L’école à la ferme"


def test_the_code_stands_in_the_html_and_is_read_from_the_mail() -> None:
    registration = seat(event())
    mail = arrived(registration)
    related = part(mail, "multipart/related")
    html, picture = related.iter_parts()
    assert picture["Content-ID"] == "<entrance>"
    assert picture.get_content_disposition() == "inline"
    assert 'src="cid:entrance"' in html.get_content()
    assert "Présentez ce code à l’accueil" in html.get_content()
    (seen,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.get_content())))
    assert entry.read(seen.text) == registration.pk


def test_the_text_is_still_there_for_who_reads_no_html() -> None:
    mail = arrived(seat(event()))
    text = part(mail, "text/plain").get_content()
    assert "Ci-joint\u00a0: votre reçu, la date pour votre agenda." in text
    assert part(mail, "multipart/alternative").get_content_type() == "multipart/alternative"


def test_what_costs_nothing_has_no_receipt() -> None:
    mail = arrived(seat(event(price=0), status="FREE", paid_at=None))
    assert "application/pdf" not in [one.get_content_type() for one in mail.walk()]
    assert part(mail, "image/png")
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("said", [{"kind": MessageKind.REFUNDED}, {"status": "REFUNDED"}])
def test_other_mails_and_places_that_are_gone_have_nothing_enclosed(said: dict[str, str]) -> None:
    registration = seat(event(), status=said.get("status", "PAID"))
    mail = arrived(registration, said.get("kind", MessageKind.CONFIRMED))
    assert {one.get_content_type() for one in mail.walk()} == {
        "multipart/alternative",
        "text/plain",
        "text/html",
    }


def test_a_number_stands_although_the_mail_was_refused_and_is_the_same_later() -> None:
    message = Message.objects.create(
        registration=seat(event()),
        kind=MessageKind.CONFIRMED,
        recipient="zoe@example.org",
        locale="fr",
    )
    with mail_server() as server:
        server.refusing = "450 later"
        assert delivery.deliver(message.pk) is delivery.Delivery.POSTPONED
        number = Receipt.objects.get().number
        server.refusing = ""
        assert delivery.deliver(message.pk) is delivery.Delivery.DONE
        assert f"recu-{Receipt.objects.get()}.pdf" in str(server.taken[0])
    assert Receipt.objects.get().number == number


def test_a_receipt_that_cant_be_made_holds_up_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = Message.objects.create(
        registration=seat(event()),
        kind=MessageKind.CONFIRMED,
        recipient="zoe@example.org",
        locale="fr",
    )

    def fail(_message_id: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(enclosures, "prepare", fail)
    assert delivery.deliver(message.pk) is delivery.Delivery.POSTPONED
    message.refresh_from_db()
    assert (message.state, message.error) == (MessageState.RETRYING, "ZeroDivisionError")


def test_the_organisation_stands_at_the_foot() -> None:
    Organisation.objects.create(name="École Jules-Ferry", contact_email="ape@example.org")
    mail = arrived(seat(event()))
    assert "École Jules-Ferry" in part(mail, "text/plain").get_content()
    assert "ape@example.org" in part(mail, "text/html").get_content()
    assert mail["Reply-To"] == "ape@example.org"
