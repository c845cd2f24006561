"""A code from the person's phone, besides the password (TOTP, RFC 6238), and recovery codes."""

import base64
import secrets
from collections.abc import Sequence

import pyotp
import segno
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from inscrit import config
from inscrit.public_ids import ALPHABET

from .models import RecoveryCode, SecondFactor

STEP_SECONDS = 30
# A phone's clock may be half a minute off, in either direction.
DRIFT = 1
RECOVERY_CODES = 10
LETTERS = 10


def factor_of(user: User) -> SecondFactor | None:
    """The one that is in use."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()


def begin(user: User) -> SecondFactor:
    """One to be confirmed by a first code; what was begun before and not confirmed goes on."""
    return SecondFactor.objects.get_or_create(user=user)[0]


def confirm(factor: SecondFactor, code: str) -> Sequence[str]:
    """Put it to use if the code is right: the recovery codes, to be shown once. Else none."""
    with transaction.atomic():
        if not _takes(factor, code):
            return []
        SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=timezone.now())
        return new_recovery_codes(factor)


def check(factor: SecondFactor, code: str) -> bool:
    """Whether a code of the phone, or a recovery code, opens. Each opens once."""
    code = "".join(code.split()).replace("-", "").lower()
    with transaction.atomic():
        return _takes(factor, code) or _uses_up(factor, code)


def new_recovery_codes(factor: SecondFactor) -> Sequence[str]:
    """Other ones; those before open no more."""
    codes = [
        "".join(secrets.choice(ALPHABET) for _ in range(LETTERS)) for _ in range(RECOVERY_CODES)
    ]
    with transaction.atomic():
        factor.recovery_codes.all().delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(factor=factor, fingerprint=_fingerprint(factor, code)) for code in codes
        )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def secret(factor: SecondFactor) -> str:
    """What the phone is told, as its apps write it. It is derived: the database holds no secret."""
    said = f"{factor.user_id} {factor.salt}"
    key = salted_hmac("inscrit.second_factor", said, algorithm="sha256").digest()
    return base64.b32encode(key[:20]).decode()


def address(factor: SecondFactor) -> str:
    """https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
    name = factor.user.get_username()
    issuer = f"Inscrit {config.current().public_host}"
    return pyotp.TOTP(secret(factor)).provisioning_uri(name=name, issuer_name=issuer)


def picture(factor: SecondFactor) -> str:
    """The address as a QR code, SVG for the page itself."""
    return segno.make(address(factor), error="m").svg_inline(
        scale=5, border=3, dark="#000", light="#fff", omitsize=True
    )


def _takes(factor: SecondFactor, code: str) -> bool:
    locked = SecondFactor.objects.select_for_update().get(pk=factor.pk)
    totp = pyotp.TOTP(secret(locked))
    now = int(timezone.now().timestamp()) // STEP_SECONDS
    for step in range(now - DRIFT, now + DRIFT + 1):
        right = secrets.compare_digest(totp.generate_otp(step).encode(), code.encode())
        if right and step > locked.last_step:
            locked.last_step = step
            locked.save(update_fields=["last_step"])
            return True
    return False


def _uses_up(factor: SecondFactor, code: str) -> bool:
    used, _each = factor.recovery_codes.filter(fingerprint=_fingerprint(factor, code)).delete()
    return used > 0


def _fingerprint(factor: SecondFactor, code: str) -> str:
    said = f"{factor.user_id} {code}"
    return salted_hmac("inscrit.recovery_code", said, algorithm="sha256").hexdigest()
