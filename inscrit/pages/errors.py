"""What a visitor is shown when we fail."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.defaults import server_error

RETRY_AFTER = "5"


def failure(request: HttpRequest) -> HttpResponse:
    """The page of a failure of ours. A missing database is no mistake and will pass: 503."""
    response = server_error(request)
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        response.status_code = 503
        response["Retry-After"] = RETRY_AFTER
    return response
