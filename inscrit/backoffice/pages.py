"""An object's page with what can be done with it, and with more than its own fields."""
# ruff: noqa: FBT001, FBT002 - Django's signatures

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from . import M, ModelAdmin, page_of, standing
from .deeds import Deed, Done, Prospect, Refused, url_name

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
        one = super().get_object(request, object_id, from_field)
        if one is not None and request.method == "POST" and connection.in_atomic_block:
            # Held until the form is saved, so that what it was checked against stands still.
            one.refresh_from_db(
                from_queryset=self.model._base_manager.select_for_update(no_key=True)
            )
        return one

    def get_form(
        self, request: HttpRequest, obj: M | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """It is saved only where nobody has changed meanwhile what it showed."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None or not change:
            return form
        # Read before the page is: at worst somebody looks again for nothing.
        return standing.fresh(form, obj, self._rows(request, obj))

    def _rows(self, request: HttpRequest, one: M) -> standing.Rows:
        for formset, inline in self.get_formsets_with_inlines(request, one):
            if inline.has_change_permission(request, one):
                rows = inline.get_queryset(request).filter(**{formset.fk.name: one.pk})
                yield formset.form, rows.order_by("pk")

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
        form = context["adminform"].form
        if isinstance(form, standing.Fresh):
            context["seen"] = form.shown
            if form.is_stale:
                formsets = [one.formset for one in context["inline_admin_formsets"]]
                standing.tell(form, [row for one in formsets for row in one.forms])
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


def respond(page: Page[M], deed: Deed[M], request: HttpRequest, object_id: str) -> HttpResponse:
    """Ask; or do what was asked before, and go back to the object's page."""
    one = _found(page, request, unquote(object_id))
    if one is None:
        raise Http404
    if not deed.is_permitted(page, request, one):
        raise PermissionDenied
    if request.method != "POST":
        if not deed.asks:
            return HttpResponseNotAllowed(["POST"])
        return _ask(page, deed, request, one, deed.prospect(one))
    with deed.alone(one):
        prospect = deed.prospect(one, request.POST)
        if deed.asks and not _is_answered(request, prospect):
            return _ask(page, deed, request, one, prospect)
        try:
            done = deed.act(request, one, prospect.form)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            if not isinstance(done, Done):
                done = Done(done, page_of(one))
            messages.add_message(request, deed.level, " ".join(done.told))
            page.log_change(request, one, str(deed.label))
            shown = page.response_deed(request, deed, one)
            return shown or HttpResponseRedirect(done.address)
    return HttpResponseRedirect(page_of(one))


def _found(page: Page[M], request: HttpRequest, key: str) -> M | None:
    if "\0" in key:  # PostgreSQL takes no such text
        return None
    try:
        return page.get_queryset(request).filter(pk=key).first()
    except (ValueError, ValidationError):  # a word where a number should be
        return None


def _is_answered(request: HttpRequest, prospect: Prospect) -> bool:
    if prospect.refusal:
        return False
    if request.POST.get("seen") != prospect.fingerprint:
        messages.warning(request, _("Something has changed meanwhile. Please look again."))
        return False
    return prospect.form is None or prospect.form.is_valid()


def _ask(
    page: ModelAdmin[M], deed: Deed[M], request: HttpRequest, one: M, prospect: Prospect
) -> HttpResponse:
    context = {
        **page.admin_site.each_context(request),
        "title": deed.question,
        "deed": deed,
        "one": one,
        "about": deed.about(one),
        "prospect": prospect,
        "back": page_of(one),
        "opts": page.opts,
    }
    return TemplateResponse(request, "admin/ask.html", context)
