"""The photo of an event: uploaded by an organiser, seen by everybody."""

import re
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from inscrit import direct
from inscrit.events import photo_admin, photos, pictures
from inscrit.events.models import Event
from inscrit.events.photos import Photo, PhotoFile

from . import desk, event_form
from .test_pages import offer

pytestmark = pytest.mark.django_db(transaction=True)


def jpeg(colour: str = "#c04030", size: tuple[int, int] = (1400, 900)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, colour).save(written, "JPEG")
    return written.getvalue()


def save(client: Client, event: Event, content: bytes | None = None, **said: Any) -> Any:
    sent = {f"photo-0-{name}": value for name, value in said.items()}
    if content is not None:
        sent["photo-0-upload"] = SimpleUploadedFile("cour.jpg", content, "image/jpeg")
    return event_form.save(client, event, **{"photo-TOTAL_FORMS": 1, **sent})


@pytest.fixture
def organiser() -> Client:
    return desk.organiser()


def test_an_uploaded_photo_is_on_the_event_s_page_and_in_the_list(organiser: Client) -> None:
    event = offer()
    assert save(organiser, event, jpeg(), alt_fr="La ferme", alt_en="The farm").status_code == 302
    for path in ("/", "/events/farm"):
        page = Client(headers={"accept-language": "en"}).get(path).content.decode()
        (image,) = re.findall(r"<img [^>]*photos/[^>]*>", page)
        assert 'alt="The farm"' in image
        assert 'width="1280" height="853"' in image
        addresses = re.findall(r"(/photos/[0-9a-f]{32}\.webp) (\d+)w", image)
        assert [int(width) for _, width in addresses] == [480, 800, 1280]
        for address, width in addresses:
            file = Client().get(address)
            assert file["Content-Type"] == "image/webp"
            assert Image.open(BytesIO(file.content)).width == int(width)
    page = Client(headers={"accept-language": "fr"}).get("/").content.decode()
    assert 'alt="La ferme"' in page


def test_the_api_tells_the_photo_of_an_event(organiser: Client) -> None:
    event, bare = offer(), offer(slug="bare")
    save(organiser, event, jpeg(), alt_fr="La ferme", alt_en="The farm")
    told = {one["id"]: one["photo"] for one in Client().get("/api/v1/events").json()["items"]}
    assert told[bare.pk] is None
    photo = told[event.pk]
    assert (photo["alt_fr"], photo["alt_en"]) == ("La ferme", "The farm")
    assert (photo["width"], photo["height"]) == (1280, 853)
    assert [size["width"] for size in photo["sizes"]] == [480, 800, 1280]
    assert photo["url"] == photo["sizes"][-1]["url"]
    for size in photo["sizes"]:
        assert size["url"].startswith("http://localhost:8000/photos/")
        assert Client().get(urlsplit(size["url"]).path).status_code == 200
    assert Client().get(f"/api/v1/events/{event.pk}").json()["photo"] == photo


def test_a_list_by_api_asks_once_for_all_photos(organiser: Client) -> None:
    with CaptureQueriesContext(connection) as few:
        Client().get("/api/v1/events")
    for number in range(3):
        save(organiser, offer(slug=f"farm-{number}"), jpeg())
    with CaptureQueriesContext(connection) as many:
        assert len(Client().get("/api/v1/events").json()["items"]) == 3
    assert len(many) <= len(few) + 3  # the options, questions and consents of whatever there is


def test_a_photo_may_be_kept_for_ever_and_is_not_sent_twice(organiser: Client) -> None:
    event = offer()
    save(organiser, event, jpeg())
    address = Photo.objects.get().largest
    first = Client().get(address)
    assert first["Cache-Control"] == "public, max-age=31536000, immutable"
    with CaptureQueriesContext(connection) as queries:
        again = Client(headers={"if-none-match": first["ETag"]}).get(address)
    assert (again.status_code, again.content, len(queries)) == (304, b"", 0)
    assert Client().get(f"/photos/{'0' * 32}.webp").status_code == 404
    assert Client().get("/photos/..%2fsettings.webp").status_code == 404


def test_a_photo_is_read_while_the_event_is_free_for_others(
    organiser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes a second and more, and confirmations of the event would wait."""
    event = offer()
    readings = []

    def reading(content: bytes) -> list[pictures.Rendition]:
        with psycopg.connect(direct.address()) as somebody:
            query = "SELECT id FROM events_event WHERE id = %s FOR NO KEY UPDATE NOWAIT"
            readings.append(somebody.execute(query, [event.pk]).fetchone())
        return pictures.renditions(content)

    monkeypatch.setattr(photo_admin, "renditions", reading)
    assert save(organiser, event, jpeg()).status_code == 302
    assert readings == [(event.pk,)]
    assert Photo.objects.filter(event=event).exists()


def test_nobody_else_s_photo_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    event = offer()
    read: list[bytes] = []
    monkeypatch.setattr(photo_admin, "renditions", read.append)
    assert save(desk.reader(), event, jpeg()).status_code == 403
    assert not read


def test_another_photo_takes_its_place_and_the_old_one_is_gone(organiser: Client) -> None:
    event = offer()
    save(organiser, event, jpeg("red"))
    old = Photo.objects.get().largest
    save(organiser, event, jpeg("blue"), alt_fr="Bleu")
    photo = Photo.objects.get()
    assert photo.largest != old
    assert Client().get(old).status_code == 404
    assert PhotoFile.objects.count() == 3
    save(organiser, event, alt_fr="Très bleu")  # the words alone
    assert (Photo.objects.get().largest, Photo.objects.get().alt_fr) == (photo.largest, "Très bleu")


def test_a_photo_taken_away_leaves_a_drawing(organiser: Client) -> None:
    event = offer()
    save(organiser, event, jpeg())
    assert save(organiser, event, DELETE="on").status_code == 302
    assert not PhotoFile.objects.exists()
    page = Client().get("/events/farm").content.decode()
    assert "/photos/" not in page
    assert re.search(r'<svg class="art art[0-5]".*aria-hidden="true"', page)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GIF89a no picture", "Please choose a JPEG, PNG or WebP file."),
        (jpeg(size=(100, 100)), "This picture is too small"),
        (None, "Please choose a picture."),
    ],
)
def test_what_can_t_be_shown_is_refused_in_words(
    organiser: Client, content: bytes | None, told: str
) -> None:
    event = offer()
    answer = save(organiser, event, content, alt_en="The farm")
    assert answer.status_code == 200
    assert told in desk.text_of(answer)
    assert not Photo.objects.exists()


def test_lists_never_read_the_bytes(organiser: Client) -> None:
    save(organiser, offer(), jpeg())
    with CaptureQueriesContext(connection) as queries:
        Client().get("/")
    assert not [query for query in queries if "photofile" in query["sql"]]


def test_the_database_holds_no_huge_file() -> None:
    photo = Photo.objects.create(event=offer())
    with pytest.raises(IntegrityError, match="photo_file_is_small"):
        PhotoFile.objects.create(photo=photo, digest="0" * 32, width=480, content=b"\0" * 2_000_001)
    with pytest.raises(IntegrityError, match="photo_digest_is_one"):
        PhotoFile.objects.create(photo=photo, digest="../etc/passwd", width=480, content=b"x")


def test_an_event_s_photo_goes_with_it() -> None:
    event = offer()
    photos.show(Photo(event=event), [])
    event.delete()
    assert not Photo.objects.exists()
