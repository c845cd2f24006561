"""What the organisers' page of an event says of its public side."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from inscrit import config
from inscrit.events.admin import EventAdmin
from inscrit.events.models import Event, EventStatus

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def snippet(event: Event, language: str) -> "SafeString":
    """What to paste into another site's page; it brings no script there."""
    return format_html(
        '<iframe src="{}?lang={}" title="{}" width="100%" height="260" loading="lazy"'
        ' style="border:1px solid #8886;border-radius:16px"></iframe>',
        config.current().public_url + reverse("pages:embed", args=[event.slug]),
        language,
        event.title,
    )


def widget(request: HttpRequest, event: Event) -> "SafeString | str":
    """The snippet to copy; nothing for a draft, which nobody is to see yet."""
    if event.status != EventStatus.PUBLISHED:
        return ""
    context = {
        "snippets": [
            {"code": code, "name": gettext(str(name)), "snippet": snippet(event, code)}
            for code, name in settings.LANGUAGES
        ],
        "preview": reverse("pages:embed", args=[event.slug]),
        "origins": sorted(config.current().embed_origins),
    }
    return render_to_string("admin/pages/widget.html", context, request)


EventAdmin.below = [*EventAdmin.below, widget]
