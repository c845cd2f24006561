"""The QR code, read back from its picture."""

import io

import pytest
import zxingcpp
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inscrit.papers import entry
from inscrit.public_ids import new_registration_id
from inscrit.registrations.models import Registration

from .seats import event, seat


def seen(png: bytes) -> str:
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    return str(found.text)


def test_a_scanner_reads_it_from_the_picture() -> None:
    registration_id = new_registration_id()
    assert entry.read(seen(entry.png(registration_id))) == registration_id


def test_it_is_read_on_a_dark_page_and_when_it_is_small() -> None:
    registration_id = new_registration_id()
    picture = Image.open(io.BytesIO(entry.png(registration_id))).convert("RGB").resize((120, 120))
    page = Image.new("RGB", (300, 300), "#141716")
    page.paste(picture, (90, 90))
    (found,) = zxingcpp.read_barcodes(page)
    assert entry.read(found.text) == registration_id


def test_it_is_another_key_than_the_pages() -> None:
    registration = Registration(pk=new_registration_id())
    code = entry.code(registration.pk)
    assert registration.token not in code
    assert not registration.opens_with(code.rpartition(":")[2])


@given(st.text())
def test_nothing_that_we_did_not_sign_is_read(text: str) -> None:
    assert entry.read(text) is None
    assert entry.read(f"INSCRIT:{new_registration_id().upper()}:{text}") is None


def test_one_letter_changed_is_not_ours_any_more() -> None:
    code = entry.code("reg-abcdefgh")
    assert entry.read(code) == "reg-abcdefgh"
    for n in range(len(code)):
        changed = code[:n] + ("X" if code[n] != "X" else "Y") + code[n + 1 :]
        assert entry.read(changed) is None


def test_codes_survive_a_change_of_the_secret_key() -> None:
    code = entry.code("reg-abcdefgh")
    with override_settings(SECRET_KEY="new"):
        assert entry.read(code) is None
        from django.conf import settings

    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert entry.read(code) == "reg-abcdefgh"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("status", "shown"), [("PAID", True), ("PENDING", False)])
def test_it_is_shown_only_to_who_has_a_place(status: str, shown: bool) -> None:
    registration = seat(event(), status=status)
    page = Client().get(registration.get_absolute_url()).content.decode()
    assert ("<svg" in page) is shown
    answer = Client().get(f"/registrations/{registration.pk}/code.png?token={registration.token}")
    assert answer.status_code == (200 if shown else 404)
    if shown:
        assert entry.read(seen(answer.content)) == registration.pk
    assert Client().get(f"/registrations/{registration.pk}/code.png").status_code == 404
