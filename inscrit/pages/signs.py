"""The site's own sign, for those who ask for it where it always used to be."""

from django.http import HttpRequest, HttpResponsePermanentRedirect

from .templatetags.assets import asset


def favicon(_request: HttpRequest) -> HttpResponsePermanentRedirect:
    return HttpResponsePermanentRedirect(asset("icon.svg"))
