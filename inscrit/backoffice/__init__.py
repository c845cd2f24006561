"""What the organisers' admin pages share."""
# ruff: noqa: FBT002 - Django's signatures

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)


class AnyQuery:
    """A list that goes back to its beginning for whatever can't be read in its query.

    Django does so itself, but lets the values fail that only Python's dates or PostgreSQL refuse.
    """

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (DataError, ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error


if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    ModelAdmin = admin.ModelAdmin
    StackedInline = admin.StackedInline
    TabularInline = admin.TabularInline
else:

    class ModelAdmin(AnyQuery, admin.ModelAdmin, Generic[M]):
        """Django's, which does not know at run time that it is generic."""

        def render_change_form(
            self, request, context, add=False, change=False, form_url="", obj=None
        ):
            """Django's own titles need an article that only English can do without."""
            name = capfirst(self.opts.verbose_name)
            context["title"] = _("New: %(what)s") % {"what": name} if add else name
            return super().render_change_form(request, context, add, change, form_url, obj)

    class TabularInline(admin.TabularInline, Generic[M, P]):
        """Django's, which does not know at run time that it is generic."""

    class StackedInline(admin.StackedInline, Generic[M, P]):
        """Django's, which does not know at run time that it is generic."""


class Unchangeable:
    """Rows that are the record of what happened: shown, never written by hand."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


def page_of(target: Model) -> str:
    """The address of an object's admin page."""
    meta = target._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(target.pk)])


def list_of(model: type[Model], query: str = "") -> str:
    """The address of the admin's list of a model's objects."""
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist") + query


def link(target: Model | None, text: str | None = None) -> "SafeString | str":
    """The way to another object's admin page."""
    if target is None:
        return "–"
    return format_html('<a href="{}">{}</a>', page_of(target), text or str(target))


def confirm(
    page: ModelAdmin[M],
    request: HttpRequest,
    chosen: QuerySet[M],
    *,
    question: str,
    action: str,
    about: Callable[[M], str] = str,
    consequences: Callable[[QuerySet[M]], Sequence[Sequence[str]]] | None = None,
) -> TemplateResponse | None:
    """Ask before an action that can't be taken back; None once the person has said yes.

    ``about`` is what a person knows each by, ``consequences`` tells what will come of it.
    """
    if "yes" in request.POST:
        return None
    told = consequences(chosen) if consequences else [()] * len(chosen)
    context = {
        **page.admin_site.each_context(request),
        "title": question,
        "chosen": [
            {"pk": one.pk, "about": about(one), "told": lines}
            for one, lines in zip(chosen, told, strict=True)
        ],
        "action": action,
        "checkbox": ACTION_CHECKBOX_NAME,
        "opts": page.opts,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)


def one_by_one(
    request: HttpRequest,
    chosen: QuerySet[M],
    act: Callable[[M], str | None],
) -> None:
    """Do something to each; it answers why it could not be done, or None. The person is told."""
    done = 0
    for one in chosen:
        if problem := act(one):
            messages.error(request, f"{one}: {problem}")
        else:
            done += 1
    if done:
        messages.success(request, _("Done: %(n)d") % {"n": done})
