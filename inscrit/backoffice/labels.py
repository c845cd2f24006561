"""Fields that Django's admin leaves without a name for those who hear the page."""

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _


def name(field: forms.Field) -> None:
    """In a table, the head of the column is the name for those who see it."""
    field.widget.attrs["aria-label"] = capfirst(str(field.label))


def name_parts(fields: dict[str, forms.Field]) -> None:
    """A date with its time is two inputs under one name."""
    for field in fields.values():
        if isinstance(field.widget, forms.SplitDateTimeWidget):
            for part, word in zip(field.widget.widgets, (_("date"), _("time")), strict=True):
                part.attrs["aria-label"] = f"{capfirst(str(field.label))}, {word}"


class NamedColumns:
    """Rows of a table whose inputs have names."""

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(*args, **kwargs)  # type: ignore[misc]
        if field is not None:
            name(field)
        return field
