"""What a page showed of an object, kept with its form: a stale page must undo nobody's work."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model
from django.forms.models import model_to_dict
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _

LONGEST = 200

if TYPE_CHECKING:
    Form = forms.ModelForm[Any]
else:
    Form = forms.ModelForm

# Of each inline, its form and the rows.
Rows = Iterable[tuple[type[Form], Iterable[Model]]]


class Fresh(Form):
    """Counts only for what was ``shown``. ``standing`` is the same form of the object as it is."""

    shown: str
    standing: Form

    @property
    def is_stale(self) -> bool:
        return self.is_bound and self.data.get("seen") != self.shown

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if self.is_stale:
            text = _("Something has changed meanwhile. Please look again.")
            self.add_error(None, forms.ValidationError(text, "stale"))
        return said


def fresh(form: type[Form], one: Model, rows: Rows) -> type[Fresh]:
    """The form for this object as it stands now."""
    standing = form(instance=one)
    shown = fingerprint(standing, rows)
    return type(form.__name__, (Fresh, form), {"shown": shown, "standing": standing})


def fingerprint(form: Form, rows: Rows) -> str:
    """Another one for whoever is shown other values in the fields."""
    # An amount is typed in the manner of the language; what it stands for is the same in each.
    values: list[Any] = [_of({**form.initial, **model_to_dict(form.instance)}, form.fields)]
    for its, those in rows:
        values += [(row.pk, _of(model_to_dict(row), its.base_fields)) for row in those]
    return sha256(repr(values).encode()).hexdigest()[:16]


def _of(values: Mapping[str, Any], fields: Iterable[str]) -> list[tuple[str, Any]]:
    return sorted((name, values[name]) for name in fields if name in values)


def tell(form: Fresh, rows: Iterable[Form]) -> None:
    """Say beside each field what stands there now, where something else was sent."""
    _tell(form, form.standing)
    for row in rows:
        if row.instance.pk:
            _tell(row, row)


def _tell(form: Form, standing: Form) -> None:
    for name in form.changed_data:
        if name not in standing.initial or name not in standing.fields:
            continue
        now = standing[name]
        if now.field.has_changed(now.initial, form[name].data):
            form.add_error(name, _("What stands there now: %(value)s") % {"value": in_words(now)})


def in_words(bound: forms.BoundField) -> str:
    """The value that a field began with, as a person reads it."""
    value = bound.field.prepare_value(bound.initial)
    if isinstance(bound.field, forms.BooleanField):
        return _("yes") if value else _("no")
    if isinstance(bound.field, forms.ChoiceField):
        chosen = value if isinstance(value, list | tuple) else [value]
        listed: Any = bound.field.choices
        known = {str(key): str(label) for key, label in listed}
        return ", ".join(known.get(str(one), str(one)) for one in chosen) or "–"
    if isinstance(value, datetime):
        return date_format(value, "SHORT_DATETIME_FORMAT")
    return Truncator("–" if value in (None, "") else str(value)).chars(LONGEST)
