"""Who asks, and what they may do."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from ninja.security.base import AuthBase

from inscrit.registrations.models import Registration

from . import keys, limits, problems
from .models import ApiKey, Role

EVERYBODY_ON_THE_STAFF = frozenset(Role)
WHO_ORGANISES = frozenset({Role.ORGANISER})
WHO_HANDLES_REGISTRATIONS = frozenset({Role.ORGANISER, Role.SECRETARY})


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever made the request: the holder of a key, or anybody."""

    key: ApiKey | None = None

    @property
    def is_staff(self) -> bool:
        return self.key is not None

    @property
    def actor(self) -> str:
        """How the journal names them."""
        return f"api:{self.key.name}" if self.key else "registrant"

    def own(self, idempotency_key: str | None) -> str | None:
        """The caller's Idempotency-Key as nobody else can have it: programs choose alike."""
        if idempotency_key is None or self.key is None:
            return idempotency_key
        return f"api:{self.key.pk}:{hashlib.sha256(idempotency_key.encode()).hexdigest()}"

    def must_be_one_of(self, roles: Collection[Role]) -> None:
        """Raises Problem 401 without a key, 403 if the key's role is another one."""
        if self.key is None:
            raise problems.unauthorized("A key is needed: Authorization: Bearer ik_…")
        if self.key.role not in roles:
            allowed = " or ".join(sorted(roles))
            raise problems.forbidden(f"This key is for {self.key.role}; {allowed} is needed.")


class Request(HttpRequest):
    """A request after ``Bearer`` has looked at it."""

    auth: Caller


class Bearer(AuthBase):
    """Reads ``Authorization: Bearer KEY``. Without roles anybody may come, with a key or none."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, roles: Collection[Role] | None = None) -> None:
        self._roles = roles
        super().__init__()

    def __call__(self, request: HttpRequest) -> Any:
        caller = self._caller(request)
        if self._roles is not None:
            caller.must_be_one_of(self._roles)
        return caller

    @staticmethod
    def _caller(request: HttpRequest) -> Caller:
        """Who calls, if that is not too often. Raises Problem 401, 429."""
        header = request.headers.get("Authorization")
        if header is None:
            limits.check_address(request)
            return Caller()
        scheme, _, key = header.partition(" ")
        known = keys.authenticate(key.strip()) if scheme.lower() == "bearer" else None
        if known is None:
            limits.check_address(request)
            raise problems.unauthorized("This key is not known, or it was revoked.")
        limits.check_key(request, known.pk)
        return Caller(known)


anybody = Bearer()
staff = Bearer(EVERYBODY_ON_THE_STAFF)
organisers = Bearer(WHO_ORGANISES)
secretaries = Bearer(WHO_HANDLES_REGISTRATIONS)


def check_token(registration_id: str, token: str | None) -> None:
    """Whether a registration's own token opens it; nothing tells if there is such a one.

    Raises Problem 401, 403.
    """
    if token is None:
        raise problems.unauthorized("The registration's token or a key is needed.")
    if not Registration(pk=registration_id).opens_with(token):
        raise problems.forbidden("This token does not open this registration.")
