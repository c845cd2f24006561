"""The mail with the link."""

import structlog
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from inscrit import config
from inscrit.mail.letterhead import letterhead

from .models import LinkRequest
from .services import key

log = structlog.get_logger()


def send(request_id: int) -> None:
    """Raises what the mail server raises; then the job is tried again."""
    request = LinkRequest.objects.select_related("registration").filter(pk=request_id).first()
    if request is None or request.registration is None or request.sent_at is not None:
        return
    compose(request).send()
    LinkRequest.objects.filter(pk=request.pk).update(sent_at=timezone.now())
    log.info("🔑 Link sent", registration=request.registration.pk)


def compose(request: LinkRequest) -> EmailMultiAlternatives:
    assert request.registration is not None  # noqa: S101 - only those that have one are sent
    context = {
        "letterhead": (head := letterhead()),
        "url": f"{config.current().public_url}/my/{key(request)}",
    }
    with translation.override(request.locale):
        subject, text, html = (
            render_to_string(f"links/mail.{part}", context)
            for part in ("subject.txt", "txt", "html")
        )
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=text,
        to=[request.registration.contact_email],
        reply_to=[head.reach] if head.reach else None,
        headers={"Auto-Submitted": "auto-generated", "Content-Language": request.locale},
    )
    mail.attach_alternative(html, "text/html")
    return mail
