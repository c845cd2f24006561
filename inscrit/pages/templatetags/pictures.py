"""What an event looks like."""

from django import template
from django.utils.safestring import SafeString

from inscrit.pages.artwork import drawing

register = template.Library()


@register.simple_tag
def artwork(seed: str) -> SafeString:
    """``{% artwork event.pk %}``"""
    return drawing(seed)
