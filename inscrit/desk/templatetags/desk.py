"""The first page's figures, for whoever may see registrations."""

from typing import Any

from django import template
from django.utils import timezone

from inscrit.desk.figures import Figures, figures

register = template.Library()


@register.simple_tag(takes_context=True)
def desk_figures(context: dict[str, Any]) -> Figures | None:
    user = context["request"].user
    may = ("events.view_event", "registrations.view_registration")
    return figures(timezone.now()) if user.has_perms(may) else None
