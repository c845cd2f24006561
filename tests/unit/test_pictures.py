"""What becomes of a picture that somebody uploads."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from inscrit.events.pictures import MOST_BYTES, WIDTHS, Rendition, Unusable, renditions


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Whatever language an earlier test left behind."""
    with translation.override("en"):
        yield


def picture(width: int = 1600, height: int = 1000, kind: str = "JPEG", **more: Any) -> bytes:
    mode = more.pop("mode", "RGB")
    colour = more.pop("colour", "#c04030")
    written = BytesIO()
    Image.new(mode, (width, height), colour).save(written, kind, **more)
    return written.getvalue()


def opened(rendition: Rendition) -> Image.Image:
    return Image.open(BytesIO(rendition.content)).convert("RGB")


def refused(uploaded: bytes) -> str:
    with pytest.raises(Unusable) as error:
        renditions(uploaded)
    return str(error.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_becomes_webp_in_three_widths_of_one_shape(kind: str) -> None:
    made = renditions(picture(kind=kind))
    assert [each.width for each in made] == list(WIDTHS)
    for each in made:
        image = Image.open(BytesIO(each.content))
        assert image.format == "WEBP"
        assert image.size == (each.width, each.height) == (each.width, each.width * 2 // 3)
    assert len({each.digest for each in made}) == len(made)


@settings(max_examples=25, deadline=None)
@given(width=st.integers(480, 1700), height=st.integers(240, 1700))
def test_whatever_its_shape_was(width: int, height: int) -> None:
    made = renditions(picture(width, height))
    assert made
    for each in made:
        assert opened(each).size == (each.width, each.height)
        assert abs(each.width / each.height - 1.5) < 0.01
    widths = [each.width for each in made]
    assert widths == sorted(widths)


def test_a_small_picture_is_not_blown_up() -> None:
    assert [each.width for each in renditions(picture(600, 400))] == [480]


def test_what_the_camera_wrote_is_left_behind() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Cour de l'école, Lyon"  # description
    exif.get_ifd(0x8825)[2] = (45.0, 46.0, 12.0)  # latitude
    uploaded = picture(exif=exif.tobytes(), comment=b"Camille")
    assert b"Lyon" in uploaded
    for each in renditions(uploaded):
        assert b"EXIF" not in each.content
        assert b"Lyon" not in each.content
        assert dict(Image.open(BytesIO(each.content)).getexif()) == {}
        assert "icc_profile" not in Image.open(BytesIO(each.content)).info


def test_a_photo_taken_upright_stands_upright() -> None:
    image = Image.new("RGB", (1200, 800), "black")
    image.paste("white", (0, 0, 1200, 400))  # the upper half as the file has it
    exif = Image.Exif()
    exif[0x0112] = 3  # turned upside down
    written = BytesIO()
    image.save(written, "JPEG", exif=exif.tobytes())
    shown = opened(renditions(written.getvalue())[-1])
    assert max(shown.getpixel((400, 20))) < 30  # type: ignore[arg-type]
    assert min(shown.getpixel((400, shown.height - 20))) > 225  # type: ignore[arg-type]


def test_a_poster_stands_whole_before_a_blur_of_itself() -> None:
    poster = Image.new("RGB", (1000, 1500), "white")
    poster.paste("red", (0, 0, 1000, 20))
    poster.paste("blue", (0, 1480, 1000, 1500))
    written = BytesIO()
    poster.save(written, "PNG")
    shown = opened(renditions(written.getvalue())[-1])
    middle = shown.width // 2
    top, bottom = shown.getpixel((middle, 2)), shown.getpixel((middle, shown.height - 3))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 180 > top[2]
    assert bottom[2] > 180 > bottom[0]


def test_what_is_transparent_stands_on_white() -> None:
    made = renditions(picture(kind="PNG", mode="RGBA", colour=(0, 0, 0, 0)))
    assert opened(made[0]).getpixel((100, 100)) == (255, 255, 255)


def test_wide_colours_are_kept_and_a_broken_profile_spoils_nothing() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (lab, b"no profile at all"):
        shown = opened(renditions(picture(icc_profile=profile))[0]).getpixel((100, 100))
        assert isinstance(shown, tuple)
        assert all(abs(is_ - was) < 8 for is_, was in zip(shown, (0xC0, 0x40, 0x30), strict=True))


def test_grey_palette_and_ink_are_taken_too() -> None:
    for mode, kind in (("L", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("I;16", "PNG")):
        written = BytesIO()
        Image.new(mode, (900, 600)).save(written, kind)
        assert renditions(written.getvalue())[0].width == 480


def test_another_file_is_refused_whatever_its_name() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    gif = picture(kind="GIF")
    for uploaded in (b"", b"hello", b"%PDF-1.7\n", svg, gif, b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"):
        assert "JPEG, PNG or WebP" in refused(uploaded)


def test_a_picture_that_unpacks_to_gigabytes_is_refused_unopened() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    for side in (8000, 60_000):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        assert "too many pixels" in refused(bomb)


def test_too_large_too_small_and_cut_off_are_refused_with_what_to_do() -> None:
    assert "20 MB" in refused(b"\0" * (MOST_BYTES + 1))
    assert "480 pixels" in refused(picture(200, 200))
    whole = picture(kind="PNG", width=900, height=900)
    assert "upload it again" in refused(whole[: len(whole) // 2])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_spoiled_file_is_either_shown_or_refused(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    uploaded = bytearray(picture(500, 400, kind))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(uploaded) - 1))
        uploaded[place] = data.draw(st.integers(0, 255))
    try:
        made = renditions(bytes(uploaded))
    except Unusable:
        return
    assert all(opened(each).size == (each.width, each.height) for each in made)
