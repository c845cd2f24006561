"""Which web pages' scripts may call the API: CORS, https://fetch.spec.whatwg.org/#http-cors-protocol

No cookie has a meaning here, so no credentials are shared: a script sends a key, or nothing.
"""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from inscrit import config

METHODS = "GET, POST, PATCH, DELETE"
MAY_BE_SENT = "Authorization, Content-Type, Idempotency-Key, If-None-Match"
MAY_BE_READ = "ETag, RateLimit, RateLimit-Policy, Retry-After"
KEPT_SECONDS = "3600"


def preflight(request: HttpRequest) -> HttpResponse | None:
    """The answer to a browser that asks whether a script may call; None for any other request."""
    asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if not asks or _allowed(request) is None:
        return None
    return HttpResponse(
        status=204,
        headers={
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": MAY_BE_SENT,
            "Access-Control-Max-Age": KEPT_SECONDS,
        },
    )


def share(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let the calling page's script read the answer, if its origin is named in CORS_ORIGINS."""
    if not config.current().cors_origins:
        return
    patch_vary_headers(response, ("Origin",))
    allowed = _allowed(request)
    if allowed is not None:
        response["Access-Control-Allow-Origin"] = allowed
        response["Access-Control-Expose-Headers"] = MAY_BE_READ


def _allowed(request: HttpRequest) -> str | None:
    origin = request.headers.get("Origin")
    origins = config.current().cors_origins
    if origin is None:
        return None
    if "*" in origins:
        return "*"
    return origin if origin in origins else None
