"""Downloads of what the list of registrations shows, with its search and filters."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from inscrit.backoffice import list_of
from inscrit.registrations.models import Registration

from . import csv_file, workbook
from .asked import Asked
from .table import Lines, rows, titles, widths

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@require_GET
def download(request: HttpRequest, lines: str, form: str) -> HttpResponseBase:
    """``lines`` and ``form`` are in the path; what is asked for in the query is the list's."""
    if lines not in {one.value for one in Lines} or form not in TYPES:
        raise Http404
    page = admin.site.get_model_admin(Registration)
    if not page.has_view_permission(request):
        raise PermissionDenied
    try:
        chosen = page.get_changelist_instance(request).queryset
    except IncorrectLookupParameters:
        return redirect(list_of(Registration, "?e=1"))
    return _streamed(request, _file(chosen, Lines(lines), form), _name(lines, form), TYPES[form])


def _file(chosen: QuerySet[Registration], lines: Lines, form: str) -> Iterator[bytes]:
    asked = Asked.of(chosen)
    names, content = titles(lines, asked), rows(chosen, lines, asked)
    if form == "csv":
        return csv_file.pieces(names, content)
    return workbook.pieces(names, widths(lines, asked), content)


def _name(lines: str, form: str) -> str:
    word = gettext("registrations") if lines == "registrations" else gettext("participants")
    return f"{word}-{timezone.localdate()}.{form}"


def _streamed(
    request: HttpRequest, pieces: Iterator[bytes], name: str, content_type: str
) -> StreamingHttpResponse:
    # Under ASGI Django would first read an ordinary iterator to its end.
    content = _in_turn(pieces) if isinstance(request, ASGIRequest) else pieces
    return StreamingHttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


async def _in_turn(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece in the request's own thread, where its database connection is."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        yield piece
