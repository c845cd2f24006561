"""Keys for the API: made once, kept as a hash, revoked at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from inscrit.api import keys
from inscrit.api.models import ApiKey, Role

pytestmark = pytest.mark.django_db


def test_a_key_is_recognised_but_not_kept() -> None:
    key = keys.create("Till", "organiser")
    known = keys.authenticate(key)
    assert known is not None
    assert (known.name, known.role) == ("Till", Role.ORGANISER)
    assert key.startswith(known.prefix)
    assert key not in [str(value) for value in vars(known).values()]


def test_a_name_belongs_to_one_active_key() -> None:
    keys.create("Till", "organiser")
    with pytest.raises(ValueError, match="already"):
        keys.create("Till", "readonly")
    keys.revoke("Till")
    keys.create("Till", "readonly")
    assert [key.revoked_at is None for key in keys.list_keys()] == [True, False]


@pytest.mark.parametrize(("name", "role"), [("", "organiser"), ("x" * 61, "organiser"), ("a", "b")])
def test_a_key_needs_a_name_and_a_known_role(name: str, role: str) -> None:
    with pytest.raises(ValueError, match=r"name|role"):
        keys.create(name, role)


def test_a_revoked_key_opens_nothing() -> None:
    key = keys.create("Till", "secretary")
    keys.revoke(key[:11])
    assert keys.authenticate(key) is None
    with pytest.raises(ValueError, match="Till"):
        keys.revoke("Till")


@pytest.mark.parametrize("key", ["", "ik_", "ik_" + "x" * 40, "Bearer", "ik_\udcff\x00"])
def test_other_texts_are_no_keys(key: str) -> None:
    assert keys.authenticate(key) is None


def test_the_last_use_is_noted_once_a_minute() -> None:
    key = keys.create("Till", "secretary")
    keys.authenticate(key)
    first = ApiKey.objects.get().last_used_at
    keys.authenticate(key)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    keys.authenticate(key)
    noted = ApiKey.objects.get().last_used_at
    assert noted is not None
    assert noted > timezone.now() - timedelta(seconds=30)
