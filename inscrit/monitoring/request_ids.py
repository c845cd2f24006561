"""A name for each request, on every line of the log that it causes.

A proxy may have given it one already; anything that is no plain word is not believed.
"""

import re
import secrets
from contextlib import AbstractContextManager, nullcontext

import structlog
from starlette.types import Scope

HEADER = b"x-request-id"
_PLAIN = re.compile(rb"[A-Za-z0-9_-]{8,64}").fullmatch


def request_id(scope: Scope) -> AbstractContextManager[None]:
    """Binds the request's name while it is being answered."""
    stated = next((value for name, value in scope["headers"] if name == HEADER), b"")
    named = stated.decode() if _PLAIN(stated) else secrets.token_hex(6)
    return of(named)


def of(named: str) -> AbstractContextManager[None]:
    """Binds the name of a request that is known already, if there is one."""
    return structlog.contextvars.bound_contextvars(request=named) if named else nullcontext()


def current() -> str:
    """The name of the request that is being answered, or nothing."""
    return str(structlog.contextvars.get_contextvars().get("request", ""))
