"""The organiser's form of an event, filled in as the page shows it."""

from typing import Any

from django import forms
from django.test import Client
from django.urls import reverse

from inscrit.events.models import Event


def address(event: Event | None) -> str:
    if event is None:
        return reverse("admin:events_event_add")
    return reverse("admin:events_event_change", args=[event.pk])


def shown(desk: Client, event: Event | None) -> dict[str, Any]:
    """What a browser would send if nothing were changed on the page."""
    page = desk.get(address(event))
    found = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        found += [inline.formset.management_form, *inline.formset.forms]
    hidden = {"seen": seen} if (seen := page.context.get("seen")) else {}
    return hidden | {name: value for form in found for name, value in _inputs(form)}


def _inputs(form: forms.BaseForm) -> list[tuple[str, Any]]:
    return [
        (bound.html_name, value)
        for bound in form
        if (value := _written(bound)) not in (None, "", False)
    ]


def _written(bound: forms.BoundField) -> Any:
    widget, value = bound.field.widget, bound.value()
    if isinstance(widget, forms.FileInput):
        return None
    if isinstance(widget, forms.CheckboxInput):
        return "on" if value else None
    if isinstance(widget, forms.SelectMultiple | forms.CheckboxSelectMultiple):
        return value
    return widget.format_value(value) if not isinstance(value, bool) else value


def save(desk: Client, event: Event | None, **said: Any) -> Any:
    """Send the form with what somebody changed in it."""
    return desk.post(address(event), shown(desk, event) | said)
