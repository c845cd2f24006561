"""Names and addresses are put right by hand, and the journal says who did it and when.

It says which fields were corrected and not what they said: it can't be rewritten, and people may
ask that their data be forgotten.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from .lifecycle import Reason
from .models import JournalEntry, Registration

FIELDS = {
    "contact_name": _("name"),
    "contact_email": _("e-mail"),
    "locale": _("language"),
    "participants": _("participants’ names"),
}

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Registration]
else:
    ModelForm = forms.ModelForm


class ContactForm(ModelForm):
    send_mail = forms.BooleanField(
        label=_("Send the last e-mail again"),
        required=False,
        help_text=_("To the address that stands here, such as after you have corrected it."),
    )

    class Meta:
        model = Registration
        fields = ("contact_name", "contact_email", "locale")


@dataclass(frozen=True, slots=True)
class Correction:
    """Which fields a person corrected, with the form it was done in."""

    fields: tuple[str, ...]
    form: ContactForm

    @property
    def wants_mail(self) -> bool:
        return bool(self.form.cleaned_data.get("send_mail"))

    def write_down(self, registration: Registration, actor: str) -> None:
        """Under the registration's lock: a webhook must not move it meanwhile."""
        JournalEntry.objects.create(
            registration=registration,
            from_status=registration.status,
            to_status=registration.status,
            reason=Reason.CONTACT_CORRECTED,
            actor=actor,
            details={"fields": list(self.fields)},
        )
