"""The code for the entrance: a signed text in a QR code.

It opens nothing but the door. It is another one than the token of the registration's page, so that
whoever sees the code over a shoulder sees no more than the code.

Its letters are those of a QR code's dense mode (capitals and figures), so the code is small and
read quickly, also from a bad print or a scratched screen.
"""

import base64
import io

import segno
from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.safestring import mark_safe

from inscrit.registrations.lifecycle import CONFIRMED
from inscrit.registrations.models import Registration

PREFIX = "INSCRIT"
BITS = 120


def is_given(registration: Registration) -> bool:
    """Whether there is a code for it: only while its places are confirmed."""
    return registration.status in CONFIRMED


def code(registration_id: str) -> str:
    return f"{PREFIX}:{registration_id.upper()}:{_signature(registration_id, settings.SECRET_KEY)}"


def read(text: str) -> str | None:
    """The registration's id, if we signed it."""
    prefix, _, rest = text.strip().partition(":")
    named, _, signature = rest.partition(":")
    if prefix != PREFIX or not signature.isascii():
        return None
    registration_id = named.lower()
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    known = (_signature(registration_id, key) for key in keys)
    return registration_id if any(constant_time_compare(signature, one) for one in known) else None


def _signature(registration_id: str, key: str | bytes) -> str:
    signed = salted_hmac("inscrit.entry", registration_id, key, algorithm="sha256").digest()
    return base64.b32encode(signed[: BITS // 8]).decode()


def qr(registration_id: str) -> segno.QRCode:
    return segno.make_qr(code(registration_id), error="m")


def png(registration_id: str) -> bytes:
    """Dark on white with its quiet zone, so that it is read on a dark page too."""
    file = io.BytesIO()
    qr(registration_id).save(file, kind="png", scale=8, border=4, dark="#000", light="#fff")
    return file.getvalue()


def svg(registration_id: str) -> str:
    """For a page: as large as its place, black on nothing. Only our own letters are in it."""
    return mark_safe(qr(registration_id).svg_inline(border=0, omitsize=True, dark="#000"))  # noqa: S308
