"""What can be done with one object from its own page: asked first, done by the answer.

The question says what will come of it. The answer is a POST and counts for what was shown: if that
has changed meanwhile, or somebody else was quicker, the person is asked again.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Generic

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.functional import Promise

from . import M, ModelAdmin

if TYPE_CHECKING:
    from django.db.models import Model


class Refused(Exception):
    """It can't be done; the message tells a person why."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in sentences, where the person goes on at another page."""

    told: Sequence[str]
    address: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """What will come of something that is done now, in sentences; or why it can't be done.

    ``form`` asks for what else has to be known, and ``details`` stands for what it tells.
    """

    consequences: Sequence[str] = ()
    refusal: str = ""
    form: forms.Form | None = None
    details: object = None

    @property
    def told(self) -> Sequence[str]:
        return [self.refusal] if self.refusal else self.consequences

    @property
    def fingerprint(self) -> str:
        """Another one for whoever is told something else."""
        return sha256(repr((self.told, self.details)).encode()).hexdigest()[:16]


class Deed(ABC, Generic[M]):
    """One thing to do. ``name`` is its word in the address; ``severe`` makes its button red.

    ``asks`` is False for what changes nothing: then its button does it at once.
    """

    name: str
    label: Promise
    question: Promise
    permission: str = "change"
    severe: bool = False
    asks: bool = True
    level: int = messages.SUCCESS

    def is_offered(self, _one: M) -> bool:
        """Whether its button stands on the object's page."""
        return True

    def about(self, one: M) -> str:
        """What a person knows the object by."""
        return str(one)

    def prospect(self, _one: M, _data: QueryDict | None = None) -> Prospect:
        """What to tell before it is done, with a form filled in by ``_data``."""
        return Prospect()

    @abstractmethod
    def act(self, request: HttpRequest, one: M, form: forms.Form | None) -> "Sequence[str] | Done":
        """Do it; what it did, in sentences. Raises Refused."""

    def alone(self, _one: M) -> AbstractContextManager[Any]:
        """Whatever keeps others away from the object between the last look and the act."""
        return nullcontext()

    def is_permitted(self, page: ModelAdmin[M], request: HttpRequest, one: M | None = None) -> bool:
        check = getattr(page, f"has_{self.permission}_permission")
        return bool(check(request, one))

    def address(self, one: M) -> str:
        return reverse(f"admin:{url_name(type(one), self.name)}", args=[quote(one.pk)])


def url_name(model: "type[Model]", deed: str) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}_{deed}"
