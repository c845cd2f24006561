"""What the schema shows of each call: an answer as it looks, and every error with its code."""

from http import HTTPStatus
from typing import Any

from . import problems
from .schemas import EVENT

Json = dict[str, Any]
BY_CALL: dict[str, Any] = {}

OPTIONS: list[Json] = [
    {
        "id": "opt-4hx7kq2m9zpw",
        "name": "Adulte",
        "other_name": "Adult",
        "price": 1250,
        "quota": None,
        "remaining": None,
        "active": True,
    },
    {
        "id": "opt-8wt3nd6c5jra",
        "name": "Enfant",
        "other_name": "Child",
        "price": 800,
        "quota": 60,
        "remaining": 12,
        "active": True,
    },
]
QUESTIONS: list[Json] = [
    {
        "id": "qst-2vz9mf4k7xhe",
        "text": "Des allergies ?",
        "other_text": "Any allergies?",
        "kind": "text",
        "scope": "participant",
        "choices": [],
        "other_choices": [],
        "required": False,
        "active": True,
    },
    {
        "id": "qst-6pb8rc3w5gyt",
        "text": "Repas",
        "other_text": "Meal",
        "kind": "choice",
        "scope": "registration",
        "choices": ["Avec viande", "Sans viande"],
        "other_choices": ["With meat", "Without meat"],
        "required": True,
        "active": True,
    },
]
CONSENTS: list[Json] = [
    {
        "id": "cst-9qd4hn7x2kmz",
        "text": "J’accepte le règlement.",
        "other_text": "I accept the rules.",
        "required": True,
        "active": True,
    }
]
SIZES: list[Json] = [
    {"url": f"https://inscrit.example.org/photos/{digest}.webp", "width": width}
    for width, digest in (
        (480, "5d41402abc4b2a76b9719d911017c592"),
        (1280, "7d793037a0760186574b0282f2f435e7"),
    )
]
PHOTO: Json = {
    "url": SIZES[-1]["url"],
    "width": 1280,
    "height": 853,
    "alt_fr": "Des enfants autour d’un stand de jeux",
    "alt_en": "Children around a games stand",
    "sizes": SIZES,
}
EVENT_OUT: Json = {
    "id": "ev-7k2m9xqpd4ha",
    "slug": "summer-fete-9xqpd4",
    "url": "https://inscrit.example.org/events/summer-fete-9xqpd4",
    **EVENT,
    "photo": PHOTO,
    "options": OPTIONS,
    "questions": QUESTIONS,
    "consents": CONSENTS,
    "starts_at": "2027-07-03T12:00:00Z",
    "ends_at": "2027-07-03T17:00:00Z",
    "time_zone": "Europe/Paris",
    "confirmed": 86,
    "held": 4,
    "waiting": 0,
    "remaining": 30,
    "sales_end_at": None,
    "refund_until": "2027-06-26T12:00:00Z",
    "lost_dispute": "free_places",
    "offer_hours": 24,
}
CANCELLATION: Json = {
    **EVENT_OUT,
    "status": "cancelled",
    "confirmed": 1,
    "held": 0,
    "remaining": 119,
    "cancelled": 52,
    "waiting": 1,
    "to_refund": 107500,
    "refunded": 105000,
    "refunds_failed": 0,
}
PLACES: Json = {
    "capacity": 120,
    "confirmed": 86,
    "held": 4,
    "remaining": 30,
    "next_release_at": "2027-06-01T12:32:00Z",
}
CREATED: Json = {
    "id": "reg-2b9kq7xw4hjt6mzpa3cd",
    "status": "PENDING",
    "amount": 2050,
    "currency": "eur",
    "places": 2,
    "checkout_url": "https://checkout.stripe.com/c/pay/cs_live_a1B2c3D4",
    "hold_expires_at": "2027-06-01T12:32:00Z",
    "token": "kM3vW0x9QzJtYcR1bN5uHs8fEgPqLdAoTi2yXwVbKzs",
}
REGISTRATION_OUT: Json = {
    "id": CREATED["id"],
    "event_id": EVENT_OUT["id"],
    "status": "PAID",
    "payment_method": "stripe",
    "amount": 2050,
    "amount_refunded": 0,
    "currency": "eur",
    "places": 2,
    "contact": {"name": "Camille Martin", "email": "camille@example.org", "locale": "fr"},
    "participants": [
        {
            "first_name": "Lou",
            "last_name": "Martin",
            "option": {"id": OPTIONS[0]["id"], "name": "Adulte"},
            "price": 1250,
            "answers": [],
        },
        {
            "first_name": "Noé",
            "last_name": "Martin",
            "option": {"id": OPTIONS[1]["id"], "name": "Enfant"},
            "price": 800,
            "answers": [
                {"question": QUESTIONS[0]["id"], "text": "Des allergies ?", "value": "noix"}
            ],
        },
    ],
    "answers": [{"question": QUESTIONS[1]["id"], "text": "Repas", "value": "Sans viande"}],
    "consents": [
        {
            "consent": CONSENTS[0]["id"],
            "text": "J’accepte le règlement.",
            "given": True,
            "at": "2027-06-01T12:01:00Z",
        }
    ],
    "created_at": "2027-06-01T12:01:00Z",
    "hold_expires_at": None,
    "paid_at": "2027-06-01T12:03:20Z",
    "review": None,
    "cancelling": False,
    "timeline": [
        {
            "at": "2027-06-01T12:01:00Z",
            "from_status": None,
            "status": "PENDING",
            "reason": "registered",
            "actor": "registrant",
            "stripe_event": None,
        },
        {
            "at": "2027-06-01T12:03:20Z",
            "from_status": "PENDING",
            "status": "PAID",
            "reason": "payment_received",
            "actor": "stripe",
            "stripe_event": "evt_1PqRsT2eZvKYlo2C",
        },
    ],
}
STRIPE_EVENT: Json = {
    "id": "evt_1PqRsT2eZvKYlo2C",
    "type": "checkout.session.completed",
    "created": "2027-06-01T12:03:19Z",
    "received_at": "2027-06-01T12:03:20Z",
    "livemode": True,
    "object": "cs_live_a1B2c3D4",
    "registration": CREATED["id"],
    "outcome": "applied",
    "reason": "payment_received",
    "deliveries": 1,
    "attempts": 1,
}
STRIPE_EVENT_IN_FULL: Json = {
    **STRIPE_EVENT,
    "api_version": "2026-09-30.clover",
    "signed_with": "4f1c2a9e",
    "duration_us": 1830,
    "next_try_at": None,
    "changes": [REGISTRATION_OUT["timeline"][1]],
    "payload": {"id": "evt_1PqRsT2eZvKYlo2C", "object": "event", "type": STRIPE_EVENT["type"]},
}
REPLAYED: Json = {
    "id": STRIPE_EVENT["id"],
    "outcome": "duplicate",
    "reason": "already_confirmed",
    "changes": [],
    "dry_run": True,
}
NEXT = "WyIyMDI3LTA3LTAzVDEyOjAwOjAwKzAwOjAwIiwgImV2LTdrMm05eHFwZDRoYSJd"

JOINED: Json = {
    "id": "wait-5m8xq2k9zt4hjw7pbc3d",
    "position": 3,
    "places": 2,
    "token": CREATED["token"],
    "url": "https://inscrit.example.org/waiting-list/wait-5m8xq2k9zt4hjw7pbc3d?token=…",
}
WAITING_OUT: Json = {
    "id": JOINED["id"],
    "number": 7,
    "state": "waiting",
    "places": 2,
    "contact": REGISTRATION_OUT["contact"],
    "participants": [
        {name: one[name] for name in ("first_name", "last_name", "option")}
        for one in REGISTRATION_OUT["participants"]
    ],
    "amount": 2050,
    "currency": "eur",
    "created_at": "2027-06-20T18:04:11Z",
    "registration_id": None,
    "registration_status": None,
    "offered_until": None,
}
ARRIVED_AT = "2027-07-03T12:02:40Z"
CHECKED_IN: Json = {
    "registration_id": REGISTRATION_OUT["id"],
    "verdict": "welcome",
    "participants": [
        {
            "first_name": one["first_name"],
            "last_name": one["last_name"],
            "arrived_at": ARRIVED_AT,
        }
        for one in REGISTRATION_OUT["participants"]
    ],
}

BY_CALL |= {
    "join_waiting_list": JOINED,
    "list_waiting": {"items": [WAITING_OUT], "next": None},
    "check_in_registration": CHECKED_IN,
    "list_events": {"items": [EVENT_OUT], "next": NEXT},
    "create_event": EVENT_OUT,
    "get_event": EVENT_OUT,
    "change_event": {**EVENT_OUT, "capacity": 150, "remaining": 60},
    "cancel_event": CANCELLATION,
    "get_cancellation": CANCELLATION,
    "get_places": PLACES,
    "create_registration": CREATED,
    "take_offer": CREATED,
    "get_registration": REGISTRATION_OUT,
    "cancel_registration": {**REGISTRATION_OUT, "status": "CANCELLED"},
    "refund_registration": {**REGISTRATION_OUT, "amount_refunded": 500},
    "mark_registration_paid": {**REGISTRATION_OUT, "payment_method": "cheque"},
    "review_registration": REGISTRATION_OUT,
    "list_stripe_events": {"items": [STRIPE_EVENT], "next": None},
    "get_stripe_event": STRIPE_EVENT_IN_FULL,
    "replay_stripe_event": REPLAYED,
}

# Code to status, what it says, and the members that it brings along.
ERRORS: dict[str, tuple[int, str, Json]] = {
    "malformed_body": (400, "The body is not JSON.", {}),
    "unauthorized": (401, "A key is needed: Authorization: Bearer ik_…", {}),
    "forbidden": (403, "This key is for readonly; organiser or secretary is needed.", {}),
    "not_found": (404, "There is no such event.", {}),
    "capacity_below_taken": (409, "90 places are confirmed or held already.", {"taken": 90}),
    "currency_in_use": (
        409,
        "Somebody has registered or waits for a place: the currency stays.",
        {},
    ),
    "event_cancelled": (409, "A cancelled event stays cancelled.", {}),
    "sold_out": (409, "Not enough places are left: 1.", {"remaining": 1}),
    "sales_closed": (409, "This event takes no registrations now.", {}),
    "no_offer": (409, "There is no offer that could be taken now.", {}),
    "event_begun": (409, "The event has begun: only the organisers can cancel now.", {}),
    "nothing_to_refund": (409, "There is no payment of which so much can be returned.", {}),
    "not_paid_by_cheque": (
        409,
        "Only a registration that is to be paid by cheque is marked paid.",
        {},
    ),
    "no_place_left": (409, "Its places were freed, and none is left.", {}),
    "nothing_to_change": (409, "In its present state it can't be marked paid.", {}),
    "nothing_to_review": (409, "There is nothing to look at.", {}),
    "nothing_to_accept": (409, "There is no money that could be accepted for it.", {}),
    "places_left": (409, "There are enough places: register instead.", {"remaining": 2}),
    "never_enough": (409, "The event has 120 places in all.", {"capacity": 120}),
    "already_waiting": (
        409,
        "This address waits already, or has an offer that stands.",
        {},
    ),
    "wrong_event": (409, "This registration is for another event.", {}),
    "not_paid": (409, "It is not paid.", {}),
    "refunded": (409, "Its money was given back.", {}),
    "cancelled": (409, "It is cancelled.", {}),
    "body_too_large": (413, "Request Entity Too Large.", {}),
    "invalid": (
        422,
        "Some fields can't be accepted: participants.0.first_name.",
        {"errors": [{"field": "participants.0.first_name", "message": "Field required"}]},
    ),
    "idempotency_key_reused": (422, "This Idempotency-Key came with another request before.", {}),
    "too_many_requests": (429, "Too many calls. Try again in 12 s.", {}),
    "checkout_refused": (
        502,
        "Stripe could not open the checkout page; the places were given back.",
        {"code": "checkout_unavailable"},
    ),
    "checkout_unavailable": (
        503,
        "Stripe could not open the checkout page; the places were given back.",
        {},
    ),
    "unavailable": (503, "The database can't be reached now. Try again in a moment.", {}),
}
USUAL = {
    401: ["unauthorized"],
    403: ["forbidden"],
    404: ["not_found"],
    422: ["invalid"],
    429: ["too_many_requests"],
    503: ["unavailable"],
}
WITH_A_BODY = {400: ["malformed_body"], 413: ["body_too_large"]}
SPECIAL: dict[str, dict[int, list[str]]] = {
    "change_event": {409: ["capacity_below_taken", "currency_in_use", "event_cancelled"]},
    "create_registration": {
        409: ["sold_out", "sales_closed"],
        422: ["invalid", "idempotency_key_reused"],
        502: ["checkout_refused"],
        503: ["checkout_unavailable", "unavailable"],
    },
    "take_offer": {
        409: ["no_offer"],
        502: ["checkout_refused"],
        503: ["checkout_unavailable", "unavailable"],
    },
    "join_waiting_list": {
        409: ["places_left", "sales_closed", "already_waiting", "never_enough"],
    },
    "check_in_registration": {409: ["wrong_event", "not_paid", "refunded", "cancelled"]},
    "cancel_registration": {409: ["event_begun"]},
    "refund_registration": {
        409: ["nothing_to_refund"],
        422: ["invalid", "idempotency_key_reused"],
    },
    "mark_registration_paid": {
        409: ["not_paid_by_cheque", "no_place_left", "nothing_to_change"],
    },
    "review_registration": {
        409: ["nothing_to_review", "nothing_to_accept", "no_place_left", "nothing_to_refund"],
    },
}
WAITS = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
NOT_LIMITED = {"get_places", "follow_places", "follow_places_of_several"}


def illustrate(operation: Json) -> None:
    """Add an example to each answer of a call, and the errors that any call may meet."""
    name, responses = operation["operationId"], operation["responses"]
    codes = _codes(name, responses, has_body="requestBody" in operation)
    for status, those in sorted(codes.items()):
        response = responses.setdefault(status, {"description": HTTPStatus(status).phrase})
        schema = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}
        told = {code: {"value": problem(code)} for code in those}
        response["content"] = {problems.CONTENT_TYPE: {**schema, "examples": told}}
        if status in (429, 503):
            response["headers"] = WAITS
    for status, response in responses.items():
        if status < 300 and name in BY_CALL and "content" in response:
            response["content"]["application/json"]["example"] = BY_CALL[name]
    operation["responses"] = dict(sorted(responses.items()))


def _codes(name: str, responses: dict[int, Json], *, has_body: bool) -> dict[int, list[str]]:
    declared = {status for status in responses if status >= 400} | {503}
    if name not in NOT_LIMITED:
        declared.add(429)
    known = USUAL | (WITH_A_BODY if has_body else {}) | SPECIAL.get(name, {})
    always = set(WITH_A_BODY) if has_body else set()
    return {status: known[status] for status in declared | always}


def problem(code: str) -> Json:
    """An error as the API tells it."""
    status, detail, more = ERRORS[code]
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
