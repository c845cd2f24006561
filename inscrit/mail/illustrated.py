"""A mail whose HTML shows pictures that come with it (RFC 2387, multipart/related)."""

from email.message import Message as Part
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from typing import Any

from django.core.mail import EmailMultiAlternatives


class Mail(EmailMultiAlternatives):
    """Django's, with pictures beside its HTML, which shows them by their Content-ID."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pictures: list[MIMEBase] = []

    def message(self, *args: Any, **kwargs: Any) -> Any:
        whole = super().message(*args, **kwargs)
        if self.pictures:
            _illustrate(whole, self.pictures)
        return whole


def _illustrate(whole: Part, pictures: list[MIMEBase]) -> None:
    for parent in whole.walk():
        parts = parent.get_payload()
        if not isinstance(parts, list):
            continue
        for n, part in enumerate(parts):
            if isinstance(part, Part) and part.get_content_type() == "text/html":
                parts[n] = _related(part, pictures)
                return


def _related(html: Part, pictures: list[MIMEBase]) -> MIMEMultipart:
    related = MIMEMultipart("related", type="text/html")
    related.attach(html)
    for picture in pictures:
        related.attach(picture)
    return related
