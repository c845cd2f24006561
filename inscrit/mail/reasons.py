"""Why a person is asked to look at a registration, in words for the organiser."""

from inscrit.registrations.explanations import explain
from inscrit.registrations.models import Registration

from .models import Message


def why(message: Message, registration: Registration) -> str:
    """In the language that is active. What the message itself says goes before what is so now."""
    reason = message.context.get("reason") or registration.review or _last(registration)
    told = explain(reason)
    # Whatever is not flagged any more asks for nothing.
    flagged = reason == registration.review and told.todo
    return f"{told.what} {told.todo}" if flagged else str(told.what)


def _last(registration: Registration) -> str:
    last = registration.journal.order_by("id").values_list("reason", flat=True).last()
    return last or ""
