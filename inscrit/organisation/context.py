"""``organisation`` for every template, read when one asks for it."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from .models import Organisation


def organisation(_request: HttpRequest) -> dict[str, object]:
    return {"organisation": SimpleLazyObject(Organisation.current)}
