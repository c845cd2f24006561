"""What the API's schema says of the messages that we send, and of the calls about endpoints."""

from typing import Any

from django.utils import translation

from inscrit.api.examples import BY_CALL, EVENT_OUT, REGISTRATION_OUT

from .types import TYPES

ENDPOINT: dict[str, Any] = {
    "id": "wh-3f8kq2xw7hjt",
    "url": "https://erp.example.org/inscrit",
    "description": "Accounting",
    "types": ["registration.paid", "registration.refunded"],
    "enabled": True,
    "disabled_at": None,
    "disabled_reason": None,
    "created_at": "2027-05-02T08:00:00Z",
    "last_success_at": "2027-06-01T12:03:21Z",
}
WITH_SECRET = {**ENDPOINT, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
DELIVERY: dict[str, Any] = {
    "message_id": "msg-0f4c2b6f6f1d4d1c9a3b5c7d9e1f2a3b",
    "type": "registration.paid",
    "registration_id": REGISTRATION_OUT["id"],
    "event_id": None,
    "at": "2027-06-01T12:03:20Z",
    "state": "delivered",
    "next_try_at": None,
    "attempts": [
        {
            "at": "2027-06-01T12:03:21Z",
            "status": 204,
            "excerpt": "",
            "error": None,
            "milliseconds": 87,
        }
    ],
}
BY_CALL |= {
    "list_webhook_endpoints": {"items": [ENDPOINT], "next": None},
    "create_webhook_endpoint": WITH_SECRET,
    "get_webhook_endpoint": ENDPOINT,
    "change_webhook_endpoint": ENDPOINT,
    "rotate_webhook_secret": WITH_SECRET,
    "test_webhook_endpoint": {
        **DELIVERY,
        "type": "endpoint.test",
        "registration_id": None,
        "state": "waiting",
        "next_try_at": "2027-06-01T12:03:20Z",
        "attempts": [],
    },
    "list_webhook_deliveries": {"items": [DELIVERY], "next": None},
    "resend_webhook_message": {**DELIVERY, "state": "waiting"},
}
HEADERS = [
    ("webhook-id", "The message's id, the same at every try: to notice what came twice."),
    ("webhook-timestamp", "When this try was made, in seconds since 1970."),
    ("webhook-signature", "One or more `v1,…`, separated by spaces."),
]
ANSWERS = {
    "2XX": {"description": "Taken. Anything else is tried again for some three days."},
    "410": {"description": "Never again: the endpoint is switched off at once."},
}


def _message(name: str, about: str) -> dict[str, Any]:
    of_event = name.startswith("event.")
    change = {
        "from_status": "draft" if of_event else "PENDING",
        "to_status": "published" if of_event else name.partition(".")[2].upper(),
        "reason": None if of_event else "payment_received",
    }
    example = {
        "id": DELIVERY["message_id"],
        "type": name,
        "timestamp": "2027-06-01T12:03:20Z",
        "change": change,
        "data": EVENT_OUT if of_event else REGISTRATION_OUT,
    }
    kept = "EventOut" if of_event else "RegistrationOut"
    schema = {
        "type": "object",
        "required": ["id", "type", "timestamp", "change", "data"],
        "properties": {
            "id": {"type": "string"},
            "type": {"const": name},
            "timestamp": {"type": "string", "format": "date-time"},
            "change": {
                "type": "object",
                "properties": {key: {"type": ["string", "null"]} for key in change},
            },
            "data": {"anyOf": [{"$ref": f"#/components/schemas/{kept}"}, {"type": "null"}]},
        },
    }
    return {
        "post": {
            "operationId": name.replace(".", "_"),
            "summary": about,
            "description": "`data` is as the API tells it when the message is first sent: never "
            "older than the change, perhaps newer. Order is not promised.",
            "tags": ["webhook endpoints"],
            "security": [],
            "parameters": [
                {
                    "name": header,
                    "in": "header",
                    "required": True,
                    "description": text,
                    "schema": {"type": "string"},
                }
                for header, text in HEADERS
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema, "example": example}},
            },
            "responses": ANSWERS,
        }
    }


def _webhooks() -> dict[str, Any]:
    """In English, as all of the schema."""
    with translation.override("en"):
        return {name: _message(name, str(about)) for name, about in TYPES.items()}


WEBHOOKS = _webhooks()
