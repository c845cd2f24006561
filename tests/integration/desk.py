"""People at the organisers' desk, in tests: what they may do, see and press."""

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from inscrit.backoffice import list_of, page_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


def organiser(language: str = "en") -> Client:
    """Marie may do everything."""
    client = Client(headers={"accept-language": language})
    client.force_login(User.objects.create_superuser(f"marie-{language}", "m@example.org", "x"))
    return client


def reader() -> Client:
    """Paul may see everything and do nothing."""
    paul = User.objects.create_user("paul", is_staff=True)
    paul.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client(headers={"accept-language": "en"})
    client.force_login(paul)
    return client


def text_of(answer: "Answer") -> str:
    """What a person reads, in one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def seen(desk: Client, one: Model) -> str:
    return text_of(desk.get(page_of(one)))


def listed(desk: Client, model: type[Model], query: str = "") -> str:
    return text_of(desk.get(list_of(model, query)))


def address(one: Model, deed: str) -> str:
    meta = one._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{deed}", args=[quote(one.pk)])


def asked(desk: Client, one: Model, deed: str) -> str:
    """The question before a deed."""
    return text_of(desk.get(address(one, deed)))


def fingerprint(desk: Client, one: Model, deed: str = "") -> str:
    """Of what is told before a deed, or of what the object's page shows."""
    body = desk.get(address(one, deed) if deed else page_of(one)).content.decode()
    found = re.search(r'name="seen" value="(\w+)"', body)
    return found[1] if found else ""


def done(desk: Client, one: Model, deed: str, **said: Any) -> str:
    """Read the question, say yes, and read what comes then."""
    answer = {"seen": fingerprint(desk, one, deed), **said}
    return text_of(desk.post(address(one, deed), answer, follow=True))


def chosen(desk: Client, action: str, *those: Model, **said: str) -> str:
    """An action of the list on some of its rows."""
    rows = [str(one.pk) for one in those]
    data = {"action": action, "_selected_action": rows, **said}
    return text_of(desk.post(list_of(type(those[0])), data, follow=True))
