"""Every page that is looked at by the browser proofs. A new page needs a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..acceptance.installation import Installation  # noqa: TID252

Made = dict[str, Any]


PRICED = {
    "options": [
        {"name": "Adulte", "price": 1500},
        {"name": "Enfant", "price": 800, "quota": 0},
    ],
    "questions": [
        {"text": "Allergies ?", "kind": "long_text", "scope": "participant"},
        {"text": "Car ?", "kind": "yes_no", "required": True},
    ],
    "consents": [{"text": "J’accepte le règlement.", "required": True}],
    "payment_methods": ["stripe", "cheque", "cash", "transfer"],
}


@dataclass(frozen=True)
class Town:
    """What there is to look at: events and registrations in their various states."""

    event: Made
    full: Made
    free: Made
    priced: Made
    cancelled: Made
    waiting: Made
    paid: Made
    cheque: Made
    expired: Made

    @classmethod
    def build(cls, installation: Installation, open_event: Callable[..., Made]) -> "Town":
        described = {"description": "Cinq matinées.\n\nDe 8 à 12 ans.", "location": "École"}
        event, full = open_event(**described), open_event(title="Complet", capacity=2)
        free, off = open_event(title="Portes ouvertes", price=0), open_event(title="Annulé")
        priced = open_event(title="Camp d’été", **PRICED)
        installation.register(full["id"], 2).raise_for_status()
        with installation.organiser("town") as organiser:
            organiser.post(f"/api/v1/events/{off['id']}/cancel").raise_for_status()
        waiting, paid, cheque, expired = (
            installation.register(event["id"], 1, **more).json()
            for more in ({}, {}, {"payment_method": "cheque"}, {})
        )
        installation.pay(paid)
        installation.await_status(paid, "PAID")
        cancel = f"/api/v1/registrations/{expired['id']}/cancel"
        installation.web.post(cancel, params={"token": expired["token"]}).raise_for_status()
        return cls(event, full, free, priced, off, waiting, paid, cheque, expired)


def _own(made: Made, path: str = "") -> str:
    return f"/registrations/{made['id']}{path}?token={made['token']}"


# By the name of the page: its path.
PUBLIC: Mapping[str, Callable[[Town], str]] = {
    "list": lambda _: "/",
    "event": lambda town: f"/events/{town.event['slug']}",
    "event, full": lambda town: f"/events/{town.full['slug']}",
    "event, free": lambda town: f"/events/{town.free['slug']}",
    "event, several prices": lambda town: f"/events/{town.priced['slug']}",
    "event, cancelled": lambda town: f"/events/{town.cancelled['slug']}",
    "registration, waiting": lambda town: _own(town.waiting),
    "registration, back from paying": lambda town: _own(town.waiting) + "&returned=1",
    "registration, paid": lambda town: _own(town.paid),
    "registration, cheque": lambda town: _own(town.cheque),
    "registration, cancelled": lambda town: _own(town.expired),
    "cancel?": lambda town: _own(town.waiting, "/cancel"),
    "not found": lambda _: "/events/nothing-here",
}
ADMIN: Mapping[str, Callable[[Town], str]] = {
    "desk": lambda _: "/admin/",
    "events": lambda _: "/admin/events/event/",
    "an event": lambda town: f"/admin/events/event/{town.event['id']}/change/",
    "a new event": lambda _: "/admin/events/event/add/",
    "registrations": lambda _: "/admin/registrations/registration/",
    "a registration": lambda town: f"/admin/registrations/registration/{town.paid['id']}/change/",
    "inbox": lambda _: "/admin/webhooks/stripeevent/",
    "payments": lambda _: "/admin/payments/payment/",
    "mails": lambda _: "/admin/mail/message/",
    "health": lambda _: "/admin/watchdog/health/?period=hour",
    "set-up": lambda _: "/admin/doctor/setup/",
    "purges": lambda _: "/admin/retention/purge/",
}
