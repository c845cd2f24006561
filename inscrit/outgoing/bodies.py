"""What stands in a message: the very object that the API tells, and what happened to it."""

import json
from datetime import UTC
from typing import Any

from ninja.responses import NinjaJSONEncoder

from inscrit.api.schemas import EventOut, RegistrationOut
from inscrit.events.models import Event
from inscrit.registrations.models import Registration

from .models import Message


def written(message: Message) -> str:
    """The message's body, the same at every try: written when it is first asked for."""
    if not message.body:
        message.body = json.dumps(_content(message), ensure_ascii=False, cls=NinjaJSONEncoder)
        message.save(update_fields=["body"])
    return message.body


def _content(message: Message) -> dict[str, Any]:
    return {
        "id": message.pk,
        "type": message.type,
        "timestamp": message.at.astimezone(UTC),
        "change": {
            "from_status": message.from_status or None,
            "to_status": message.to_status or None,
            "reason": message.reason or None,
        },
        "data": _data(message),
    }


def _data(message: Message) -> dict[str, Any] | None:
    """As it is now, which may be later than the change; null for what has been deleted."""
    if message.registration_id:
        known = Registration.objects.prefetch_related("participants", "journal")
        registration = known.get(pk=message.registration_id)
        return RegistrationOut.of(registration, for_staff=True).model_dump()
    event = Event.objects.filter(pk=message.event_id).first()
    return EventOut.of(event, for_staff=True).model_dump() if event else None
