"""Every page that is looked at by the browser proofs. A new page needs a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..acceptance.installation import Installation, eventually  # noqa: TID252

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
    offered: str

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
        offered = _offered(installation, open_event(title="Une place", capacity=1))
        return cls(event, full, free, priced, off, waiting, paid, cheque, expired, offered)


def _offered(installation: Installation, event: Made) -> str:
    """The page of a place that came free for somebody who waited."""
    made = installation.register(event["id"], 1).json()
    body = {
        "contact": {"name": "Wanda", "email": "wanda@example.org"},
        "participants": [{"first_name": "Zoé", "last_name": "Roy"}],
    }
    with installation.organiser("offers") as organiser:
        joined = organiser.post(f"/api/v1/events/{event['id']}/waiting-list", json=body).json()
    cancel = f"/api/v1/registrations/{made['id']}/cancel"
    installation.web.post(cancel, params={"token": made["token"]}).raise_for_status()
    path = joined["url"].removeprefix(installation.site)
    eventually(lambda: installation.web.get(path).next_request, "the place is offered")
    return str(path)


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
    "an offer": lambda town: town.offered,
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
