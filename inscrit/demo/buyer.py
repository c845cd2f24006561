"""A scripted buyer: registers two children and pays, over HTTP alone, as anybody would."""

import time
from typing import Any
from urllib.parse import urlsplit

import httpx

PATIENCE_SECONDS = 30
CONTACT = {"name": "Camille Martin", "email": "camille.martin@example.org", "locale": "fr"}
CHILDREN = ("Léa", "Noé")
CARD = {
    "email": "camille.martin@example.org",
    "payment_method_type": "card",
    "card_number": "4242 4242 4242 4242",
    "exp": "12 / 34",
    "cvc": "123",
    "name": "Camille Martin",
}


class Disappointed(Exception):
    """The purchase did not end in PAID; the message says where it stopped."""


def buy(site: str, event_slug: str) -> str:
    """Make one purchase and return the registration's id once it is PAID."""
    with httpx.Client(base_url=site, timeout=20) as web:
        event = _find(web, event_slug)
        made = web.post(f"/api/v1/events/{event['id']}/registrations", json=_order(event))
        if made.status_code != httpx.codes.CREATED:
            raise Disappointed(f"the registration was refused: {made.text[:200]}")
        registration = made.json()
        _pay(registration["checkout_url"])
        _wait_until_paid(web, registration["id"], registration["token"])
    return str(registration["id"])


def _find(web: httpx.Client, slug: str) -> dict[str, Any]:
    for event in web.get("/api/v1/events").raise_for_status().json()["items"]:
        if event["slug"] == slug:
            return dict(event)
    raise Disappointed(f"{slug} is not there any more. To begin anew: inscrit demo --fresh")


def _order(event: dict[str, Any]) -> dict[str, Any]:
    """One child at each price in turn, and an answer to everything."""
    options = [option["id"] for option in event["options"]] or [None]
    return {
        "contact": CONTACT,
        "participants": [
            {
                "first_name": name,
                "last_name": "Martin",
                "option": options[min(n, len(options) - 1)],
                "answers": _answers(event, "participant"),
            }
            for n, name in enumerate(CHILDREN)
        ],
        "answers": _answers(event, "registration"),
        "consents": [{"consent": one["id"], "given": True} for one in event["consents"]],
    }


def _answers(event: dict[str, Any], scope: str) -> list[dict[str, Any]]:
    return [
        {"question": one["id"], "value": _answer(one)}
        for one in event["questions"]
        if one["scope"] == scope
    ]


def _answer(question: dict[str, Any]) -> str | bool:
    if question["kind"] == "yes_no":
        return True
    return str(question["choices"][0]) if question["choices"] else "–"


def _pay(checkout_url: str) -> None:
    """Fill in the card form of the hosted page; the browser is closed right after."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(checkout_url))
    with httpx.Client(timeout=20, headers={"origin": origin}) as browser:
        browser.get(checkout_url).raise_for_status()
        paid = browser.post(checkout_url, data=CARD)
    if paid.status_code != httpx.codes.SEE_OTHER:
        raise Disappointed(f"the card was not taken ({paid.status_code})")


def _wait_until_paid(web: httpx.Client, registration_id: str, token: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    status = "unknown"
    while time.monotonic() < until:
        answer = web.get(f"/api/v1/registrations/{registration_id}", params={"token": token})
        status = answer.raise_for_status().json()["status"]
        if status == "PAID":
            return
        time.sleep(0.2)
    raise Disappointed(f"after {PATIENCE_SECONDS} s the registration is still {status}")
