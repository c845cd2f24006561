"""Our static files in pages: by an address that changes with the content, or the style in it."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django import template
from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe

FOLDER = Path(__file__).parent.parent / "static" / "inscrit"

register = template.Library()


@register.simple_tag
@cache
def asset(name: str) -> str:
    """``{% asset 'pages.css' %}``"""
    version = sha256(Path(f"{FOLDER}/{name}").read_bytes()).hexdigest()[:10]
    return f"{static(f'inscrit/{name}')}?v={version}"


@register.simple_tag
@cache
def style(name: str) -> SafeString:
    """``{% style 'pages.css' %}``: the page is painted without a second journey to the server."""
    content = Path(f"{FOLDER}/{name}").read_text(encoding="utf-8")
    return mark_safe(f"<style>\n{content}</style>")  # noqa: S308 - a file of our own
