"""What there is to look at: events and registrations in their various states, and a staff."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ..acceptance.installation import Installation, eventually  # noqa: TID252

Made = dict[str, Any]
Publish = Callable[..., Made]

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
DISPUTED_CARD = "4000000000000259"
FURNITURE = Path(__file__).with_name("furniture.py")


@dataclass(frozen=True)
class Town:
    """``rows`` has the number of a row of each model, ``ways`` what else leads to a page."""

    event: Made
    full: Made
    free: Made
    priced: Made
    closed: Made
    draft: Made
    cancelled: Made
    waiting: Made
    paid: Made
    cheque: Made
    expired: Made
    refunded: Made
    disputed: Made
    in_line: Made
    offered: str
    rows: dict[str, str]
    ways: dict[str, str]

    @classmethod
    def build(cls, installation: Installation, open_event: Publish) -> "Town":
        events = _events(open_event)
        event, full, off = events["event"], events["full"], events["cancelled"]
        installation.register(full["id"], 2).raise_for_status()
        with installation.organiser("town") as organiser:
            organiser.post(f"/api/v1/events/{off['id']}/cancel").raise_for_status()
            organiser.post("/api/v1/webhook-endpoints", json=PROGRAM).raise_for_status()
            waiting, paid, cheque, expired, refunded, disputed = (
                installation.register(event["id"], 1, **more).json()
                for more in ({}, {}, {"payment_method": "cheque"}, {}, {}, {})
            )
            for made, card in ((paid, None), (refunded, None), (disputed, DISPUTED_CARD)):
                installation.pay(made, *([card] if card else []))
                installation.await_status(made, "PAID")
            _cancel(installation, expired)
            _come_in(organiser, paid)
            _give_back(organiser, refunded)
            eventually(lambda: installation.registration(disputed)["review"], "it is disputed")
            installation.await_status(refunded, "REFUNDED")
        in_line = _join(installation, full)
        offered = _offered(installation, events.pop("small"))
        installation.web.get(
            f"/registrations/{paid['id']}/receipt.pdf", params={"token": paid["token"]}
        ).raise_for_status()
        installation.command("reconcile", "--since", "1h")
        said = installation.command("manage", "shell", "-c", FURNITURE.read_text("utf-8"))
        ways = json.loads(said.splitlines()[-1])
        return cls(
            **events,
            waiting=waiting,
            paid=paid,
            cheque=cheque,
            expired=expired,
            refunded=refunded,
            disputed=disputed,
            in_line=in_line,
            offered=offered,
            rows=ways.pop("rows"),
            ways=ways,
        )


PROGRAM = {
    "url": "https://erp.example.org/inscrit",
    "description": "Comptabilité",
    "types": ["registration.paid"],
}


def _events(open_event: Publish) -> dict[str, Made]:
    described = {"description": "Cinq matinées.\n\nDe 8 à 12 ans.", "location": "École"}
    return {
        "event": open_event(**described, capacity=12),
        "full": open_event(title="Complet", capacity=2),
        "small": open_event(title="Une place", capacity=1),
        "free": open_event(title="Portes ouvertes", price=0),
        "priced": open_event(title="Camp d’été", **PRICED),
        "closed": open_event(title="Vente fermée"),
        "draft": open_event(title="Brouillon", status="draft"),
        "cancelled": open_event(title="Annulé"),
    }


def _cancel(installation: Installation, made: Made) -> None:
    way = f"/api/v1/registrations/{made['id']}/cancel"
    installation.web.post(way, params={"token": made["token"]}).raise_for_status()


def _come_in(organiser: httpx.Client, made: Made) -> None:
    organiser.post(f"/api/v1/registrations/{made['id']}/checkin", json={}).raise_for_status()


def _give_back(organiser: httpx.Client, made: Made) -> None:
    organiser.post(f"/api/v1/registrations/{made['id']}/refund").raise_for_status()


def _join(installation: Installation, event: Made) -> Made:
    people = [{"first_name": "Zoé", "last_name": "Petit"}]
    contact = {"name": "Dominique Petit", "email": "petit@example.org", "locale": "fr"}
    with installation.organiser(f"line of {event['id']}") as organiser:
        joined = organiser.post(
            f"/api/v1/events/{event['id']}/waiting-list",
            json={"contact": contact, "participants": people},
        )
    found: Made = joined.raise_for_status().json()
    return found


def _offered(installation: Installation, event: Made) -> str:
    """The page of a registration that the waiting list led to."""
    first = installation.register(event["id"], 1).json()
    entry = _join(installation, event)
    _cancel(installation, first)
    way = f"/waiting-list/{entry['id']}?token={entry['token']}"

    def led() -> str | None:
        found: str | None = installation.web.get(way).headers.get("location")
        return found

    return eventually(led, "it is offered")
