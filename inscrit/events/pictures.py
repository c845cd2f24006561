"""A picture as it was uploaded becomes a few small WebP files of one shape, and nothing else.

What a camera writes into its files (where, when, whose) is left behind: pixels alone go on.
"""

import warnings
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageFilter, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_BYTES = 20_000_000
# A file of some kilobytes may unpack to gigabytes; a phone's camera makes 12 to 50 million.
MOST_PIXELS = 60_000_000
LEAST_WIDTH = 480
SHAPE = (3, 2)
WIDTHS = (480, 800, 1280)
QUALITY = 76
# Narrower than this, cutting to the shape would behead people and posters.
WIDE_ENOUGH = 1.15


class Unusable(Exception):
    """This is no picture for us; the message tells a person why and what to do."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One size of a picture, as WebP."""

    width: int
    height: int
    content: bytes

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest()[:32]


def renditions(uploaded: bytes) -> list[Rendition]:
    """The picture in its widths, the smallest first. Raises Unusable."""
    picture = _shaped(_pixels(uploaded))
    widths = [width for width in WIDTHS if width <= picture.width] or [picture.width]
    return [_rendition(picture, width) for width in widths]


def _pixels(uploaded: bytes) -> Image.Image:
    """Upright, in plain sRGB, on white where it was transparent."""
    picture = _opened(uploaded)
    # Whatever is much larger than needed is read smaller right away, where the format can do that.
    picture.draft("RGB", (2 * WIDTHS[-1], 2 * WIDTHS[-1]))
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise Unusable(
            _("This picture is damaged: part of it is missing. Please upload it again.")
        ) from error
    upright = ImageOps.exif_transpose(picture)
    return _on_white(_in_srgb(upright))


def _opened(uploaded: bytes) -> Image.Image:
    """Known by its content, whatever it is called. Raises Unusable before anything is unpacked."""
    if len(uploaded) > MOST_BYTES:
        raise Unusable(_("This file is too large: 20 MB at most, please."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged right below
            picture = Image.open(BytesIO(uploaded), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise Unusable(_too_many_pixels()) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Unusable(
            _("This is no picture that we can read. Please choose a JPEG, PNG or WebP file.")
        ) from error
    if picture.width * picture.height > MOST_PIXELS:
        raise Unusable(_too_many_pixels())
    if min(picture.size) < LEAST_WIDTH // 2 or max(picture.size) < LEAST_WIDTH:
        raise Unusable(_("This picture is too small: 480 pixels wide at least, please."))
    return picture


def _too_many_pixels() -> str:
    return _("This picture has too many pixels: 60 million at most, please.")


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Phones have wider colours; without their profile those would look faded."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        theirs = ImageCms.ImageCmsProfile(BytesIO(profile))
        ours = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, theirs, ours, outputMode=mode) or picture
    except (ImageCms.PyCMSError, OSError):
        return picture  # a broken profile spoils no picture


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _shaped(picture: Image.Image) -> Image.Image:
    """Cut to the shape of the cards; what is upright stands whole before a blur of itself."""
    if picture.width / picture.height >= WIDE_ENOUGH:
        width = min(picture.width, WIDTHS[-1])
        return ImageOps.fit(picture, _size(width), Image.Resampling.LANCZOS, centering=(0.5, 0.45))
    width = min(WIDTHS[-1], max(LEAST_WIDTH, picture.height * SHAPE[0] // SHAPE[1]))
    small = ImageOps.fit(picture, _size(width // 8), Image.Resampling.BILINEAR)
    behind = small.filter(ImageFilter.GaussianBlur(5)).resize(_size(width))
    before = ImageOps.contain(picture, _size(width), Image.Resampling.LANCZOS)
    behind.paste(before, ((width - before.width) // 2, 0))
    return behind


def _size(width: int) -> tuple[int, int]:
    return width, width * SHAPE[1] // SHAPE[0]


def _rendition(picture: Image.Image, width: int) -> Rendition:
    size = _size(width)
    small = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
    written = BytesIO()
    small.save(written, "WEBP", quality=QUALITY, method=4)
    return Rendition(*size, written.getvalue())
