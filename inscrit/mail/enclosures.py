"""What comes with a confirmation: the calendar's file, the receipt, the code for the entrance."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from inscrit.papers import calendar, entry, receipts
from inscrit.papers.models import Receipt
from inscrit.papers.pdf import paper
from inscrit.registrations.models import Registration

from .attachments import Attachment
from .models import WAITING, Message, MessageKind

CODE = "entrance"


def prepare(message_id: int) -> None:
    """Give the receipt its number before the mail that carries it, and for good.

    A number of a transaction that is rolled back is given to another one: so it may not be given
    in the transaction that sends the mail.
    """
    message = Message.objects.select_related("registration").get(pk=message_id)
    if message.state not in WAITING:
        return
    registration = _confirmed(message)
    if registration is not None and receipts.is_due(registration):
        receipts.issue(registration.pk)


def has_code(message: Message) -> bool:
    return _confirmed(message) is not None


def names(message: Message) -> list[str]:
    """What is enclosed, as people call it."""
    if (registration := _confirmed(message)) is None:
        return []
    date = _("the date for your calendar")
    return [_("your receipt"), date] if _receipt(registration) else [date]


def enclosed(message: Message) -> Iterator[Attachment]:
    """In the language that is active."""
    if (registration := _confirmed(message)) is None:
        return
    yield Attachment(f"{CODE}.png", entry.png(registration.pk), "image/png", inline=CODE)
    file = calendar.of_registration(registration)
    yield Attachment(_("event.ics"), file.content, file.content_type)
    if receipt := _receipt(registration):
        printed = paper(receipt)
        yield Attachment(printed.name, printed.render(), "application/pdf")


def _confirmed(message: Message) -> Registration | None:
    """The registration that this mail confirms, if it is confirmed still."""
    registration = message.registration
    if message.kind != MessageKind.CONFIRMED or registration is None:
        return None
    return registration if entry.is_given(registration) else None


def _receipt(registration: Registration) -> Receipt | None:
    return Receipt.objects.filter(registration=registration).first()
