"""An event in a frame of somebody else's page: what it is, the places left, and the way here."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from inscrit import config

from . import events
from .places import places_of

THEMES = ("light", "dark")
OWN_FILES_ONLY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


@require_safe
@xframe_options_exempt  # the policy below names who may show it
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """``?lang=fr|en`` and ``?theme=light|dark`` choose; else the visitor's browser does."""
    language = request.GET.get("lang", "")
    theme = request.GET.get("theme", "")
    event = events.find(slug)
    context = {
        "event": event,
        "places": places_of(event),
        "on_sale": event.is_on_sale(timezone.now()),
        "theme": theme if theme in THEMES else "",
        "site": config.current().public_url,
    }
    if language not in config.LANGUAGES:
        language = translation.get_language() or config.current().language_code
    with translation.override(language):
        response = render(request, "pages/embed.html", context)
    response["Content-Language"] = language
    response["Content-Security-Policy"] = f"{OWN_FILES_ONLY}; frame-ancestors {_ancestors()}"
    response["X-Robots-Tag"] = "noindex"
    return response


def _ancestors() -> str:
    """Ourselves, for the organiser's preview, and the origins of EMBED_ORIGINS."""
    return " ".join(["'self'", *sorted(config.current().embed_origins)])
