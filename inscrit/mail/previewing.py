"""The organiser's preview: every mail in every language, as it looks. Looking sends nothing."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from inscrit.events.models import Event

from . import samples
from .composing import Letter
from .delivery import explained
from .letterhead import letterhead
from .models import Message

# A mail's styles stand in it; nothing else of it may be loaded or run.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class Choice(forms.Form):
    """Which mail to show."""

    sample = forms.ChoiceField(label=_("mail"), required=False)
    language = forms.ChoiceField(label=_("language"), required=False)
    event = forms.ModelChoiceField(
        Event.objects.order_by("-starts_at"),
        label=_("event"),
        required=False,
        empty_label=_("An example"),
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["sample"].choices = [  # type: ignore[attr-defined]
            (one.name, one.label) for one in samples.SAMPLES.values()
        ]
        self.fields["language"].choices = settings.LANGUAGES  # type: ignore[attr-defined]

    @property
    def which(self) -> samples.Sample:
        return samples.SAMPLES[self.cleaned_data["sample"] or "confirmed"]

    @property
    def locale(self) -> str:
        return str(self.cleaned_data["language"] or (get_language() or "fr")[:2])

    @property
    def of_event(self) -> Event | None:
        found: Event | None = self.cleaned_data["event"]
        return found

    def letter(self) -> Letter:
        return samples.letter(self.which, self.locale, self.of_event)

    def query(self, **other: str) -> str:
        event = self.of_event.pk if self.of_event else ""
        said = {"sample": self.which.name, "language": self.locale, "event": event} | other
        return "?" + "&".join(f"{name}={value}" for name, value in said.items() if value)


def _chosen(request: HttpRequest) -> Choice:
    """Raises Http404."""
    if not request.user.has_perm("mail.view_message"):
        raise PermissionDenied
    choice = Choice(request.GET)
    if not choice.is_valid():
        raise Http404
    return choice


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The list of mails, and the one that is chosen, as on a phone and on a desk."""
    choice = _chosen(request)
    context = {
        **admin.site.each_context(request),
        "title": gettext("What your mails look like"),
        "opts": Message._meta,
        "choice": choice,
        "choice_of_event": choice["event"],
        "letter": choice.letter(),
        "chosen": choice.which,
        "ways": [(one, choice.query(sample=one.name)) for one in samples.SAMPLES.values()],
        "languages": [
            (code, name, choice.query(language=code)) for code, name in settings.LANGUAGES
        ],
        "query": choice.query(),
        "letterhead": letterhead(),
    }
    return TemplateResponse(request, "mail/admin_preview.html", context)


@require_safe
def body(request: HttpRequest) -> HttpResponse:
    """The mail by itself, for a frame."""
    return framed(_chosen(request).letter().html)


@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """The mail goes to whoever asks for it, at once, and is marked as an example."""
    choice = _chosen(request)
    back = HttpResponseRedirect(reverse("admin:mail_message_preview") + choice.query())
    address = getattr(request.user, "email", "")
    if not address:
        text = gettext(
            "Your account has no e-mail address. Add one to your account, then try again."
        )
        messages.error(request, text)
        return back
    letter = choice.letter()
    subject = gettext("[Example] %(subject)s") % {"subject": letter.subject}
    mail = EmailMultiAlternatives(subject, letter.text, to=[address])
    mail.attach_alternative(letter.html, "text/html")
    try:
        mail.send()
    except OSError as error:  # a mail server's refusals are such errors too
        text = gettext("The mail server did not take it: %(error)s")
        messages.error(request, text % {"error": explained(error)})
    else:
        messages.success(
            request, gettext("It is on its way to %(address)s.") % {"address": address}
        )
    return back


def framed(html: str) -> HttpResponse:
    """A mail's HTML, which only our own pages may show, and which can do nothing."""
    headers = {"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": POLICY}
    return HttpResponse(html, headers=headers)
