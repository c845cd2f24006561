"""Addresses of our static files that change with their content, so browsers may keep them."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django import template
from django.templatetags.static import static

FOLDER = Path(__file__).parent.parent / "static" / "inscrit"

register = template.Library()


@register.simple_tag
@cache
def asset(name: str) -> str:
    """``{% asset 'pages.css' %}``"""
    content = Path(f"{FOLDER}/{name}").read_bytes()
    version = sha256(content).hexdigest()[:10]
    return f"{static(f'inscrit/{name}')}?v={version}"
