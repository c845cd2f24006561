"""Making, listing, revoking and recognising keys for the API."""

import hashlib
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from inscrit.public_ids import ALPHABET

from .models import ApiKey, Role

BEGINNING = "ik_"
LETTERS = 40  # about 198 bits
SHOWN = 8
LONGEST_NAME = 60
# A busy key would otherwise write one row with every request.
USE_IS_NOTED_EVERY = timedelta(minutes=1)


def create(name: str, role: str) -> str:
    """Make a key and return it; it can't be read again later.

    Raises ValueError for an unknown role, or for a name that is empty, too long or taken.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a key's name has 1 to {LONGEST_NAME} letters")
    if role not in Role.values:
        raise ValueError(f"{role} is no role; choose {', '.join(Role.values)}")
    key = BEGINNING + "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    try:
        with transaction.atomic():
            ApiKey.objects.create(
                name=name, role=role, prefix=key[: len(BEGINNING) + SHOWN], hash=_hash(key)
            )
    except IntegrityError:
        raise ValueError(f"there is an active key named {name} already") from None
    return key


def list_keys() -> list[ApiKey]:
    """Every key, the revoked ones too, by name."""
    return list(ApiKey.objects.all())


def revoke(name_or_prefix: str) -> ApiKey:
    """End a key at once. Raises ValueError if no active key has this name or beginning."""
    named = Q(name=name_or_prefix) | Q(prefix=name_or_prefix)
    found = list(ApiKey.objects.filter(named, revoked_at=None)[:2])
    if len(found) != 1:
        problem = "several active keys are" if found else "no active key is"
        raise ValueError(f"{problem} called {name_or_prefix}")
    found[0].revoked_at = timezone.now()
    found[0].save(update_fields=["revoked_at"])
    return found[0]


def authenticate(key: str) -> ApiKey | None:
    """The active key that this is, if it is one. Its use is noted, at most once a minute."""
    if not key.startswith(BEGINNING):
        return None
    known = ApiKey.objects.filter(hash=_hash(key), revoked_at=None).first()
    if known is not None:
        _note_use(known)
    return known


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= USE_IS_NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _hash(key: str) -> str:
    # A key is random and long: unlike a password it needs no slow hash.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
