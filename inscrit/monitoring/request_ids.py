"""A name for each request, on every line of the log that it causes.

A proxy may have given it one already; anything that is no plain word is not believed.
"""

import re
import secrets
from contextlib import AbstractContextManager

import structlog
from starlette.types import Scope

HEADER = b"x-request-id"
_PLAIN = re.compile(rb"[A-Za-z0-9_-]{8,64}").fullmatch


def request_id(scope: Scope) -> AbstractContextManager[None]:
    """Binds the request's name while it is being answered."""
    stated = next((value for name, value in scope["headers"] if name == HEADER), b"")
    named = stated.decode() if _PLAIN(stated) else secrets.token_hex(6)
    return structlog.contextvars.bound_contextvars(request=named)
