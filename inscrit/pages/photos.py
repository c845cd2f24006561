"""Photos of events. An address names one content for ever, so it may be kept for ever."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from inscrit.events import photos


@require_safe
def serve(request: HttpRequest, digest: str) -> HttpResponse:
    etag = f'"{digest}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(_content(digest), content_type="image/webp")
    response["ETag"] = etag
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"  # links shared elsewhere show it
    return response


def _content(digest: str) -> bytes:
    content = photos.content_of(digest) if digest.isalnum() else None
    if content is None:
        raise Http404
    return content
