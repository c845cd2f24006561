"""Asking for no more mails of a kind, by the link at the end of one. https://www.rfc-editor.org/rfc/rfc8058"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from inscrit.jobs import in_database
from inscrit.mail import unsubscribing

from .privacy import private


@csrf_exempt  # a mail program presses the button by itself; the address is the key
@require_http_methods(["GET", "HEAD", "POST"])
@private
async def page(request: HttpRequest, message_id: int, token: str) -> HttpResponse:
    """Looking changes nothing: mail scanners look. Its button does."""
    return await in_database(_answer, request, message_id, token)


def _answer(request: HttpRequest, message_id: int, token: str) -> HttpResponse:
    message = unsubscribing.opened(message_id, token)
    if message is None:
        raise Http404
    done = request.method == "POST"
    if done:
        unsubscribing.no_more(message)
    context = {"kind": message.get_kind_display(), "done": done}
    return render(request, "pages/no_more_mail.html", context)
