"""``organisation`` for every template, read when one asks for it."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from .models import Organisation


def organisation(request: HttpRequest) -> dict[str, object]:
    """Nothing for an address that nobody knows: it is answered without the database."""
    if request.resolver_match is None:
        return {}
    return {"organisation": SimpleLazyObject(Organisation.current)}
