"""An object's page with what can be done with it, and with more than its own fields."""
# ruff: noqa: FBT001, FBT002 - Django's signatures

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from . import M, ModelAdmin
from .deeds import Deed, respond, url_name

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

# A part of a page, as HTML; an empty text where there is nothing to show.
Panel: TypeAlias = Callable[[HttpRequest, Any], "SafeString | str"]
# Where to go once an object is saved, or None: something about it is to be asked.
Question: TypeAlias = Callable[[HttpRequest, Any], str | None]


class Page(ModelAdmin[M]):
    """Rooms that know more of an object add to these: ``above`` its fields, right ``below`` them,
    and ``last``.
    """

    change_form_template = "admin/page.html"
    deeds: ClassVar[list[Deed[Any]]] = []
    above: ClassVar[list[Panel]] = []
    below: ClassVar[list[Panel]] = []
    last: ClassVar[list[Panel]] = []
    once_saved: ClassVar[list[Question]] = []

    def response_change(self, request: HttpRequest, obj: M) -> HttpResponse:
        """Back as usual; but first whatever is to be asked after this change."""
        response = super().response_change(request, obj)
        asked = (question(request, obj) for question in self.once_saved)
        way = next((address for address in asked if address), None)
        return HttpResponseRedirect(way) if way else response

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        if "\0" in object_id:  # PostgreSQL takes no such text
            return None
        return super().get_object(request, object_id, from_field)

    def get_urls(self) -> list[URLPattern]:
        """One more for each deed."""
        return [*map(self._way_to, self.deeds), *super().get_urls()]

    def _way_to(self, deed: Deed[M]) -> URLPattern:
        view = require_http_methods(["GET", "HEAD", "POST"])(partial(respond, self, deed))
        name = url_name(self.model, deed.name)
        return path(f"<path:object_id>/{deed.name}/", self.admin_site.admin_view(view), name=name)

    def response_deed(
        self, _request: HttpRequest, _deed: Deed[Any], _one: M
    ) -> HttpResponse | None:
        """What to show after a deed, if not the object's page."""
        return None

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: M | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["deeds"] = [
                {"deed": deed, "address": deed.address(obj)}
                for deed in self.deeds
                if deed.is_permitted(self, request, obj) and deed.is_offered(obj)
            ]
            for place in ("above", "below", "last"):
                context[place] = _shown(getattr(self, place), request, obj)
            # Where scripts are off, the whole page is loaded again.
            context["refreshes"] = any("data-refresh" in html for html in context["above"])
        return super().render_change_form(request, context, add, change, form_url, obj)


def _shown(panels: Iterable[Panel], request: HttpRequest, one: object) -> "list[SafeString | str]":
    return [html for panel in panels if (html := panel(request, one))]
