"""https://docs.stripe.com/api/payment_methods, for cards and SEPA direct debits."""

import hashlib
from dataclasses import dataclass

from inscrit.sandbox.bank_accounts import is_iban, normal
from inscrit.sandbox.cards import BY_NUMBER, Card, digits, is_past, named, passes_luhn
from inscrit.sandbox.errors import CardError, invalid, no_such
from inscrit.sandbox.fields import address, require, update
from inscrit.sandbox.ids import new_id
from inscrit.sandbox.lists import Filter, page
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

SIMULATED = ("card", "sepa_debit")


@operation("POST", "/v1/payment_methods", "PaymentMethodCreateParams")
def create(call: Call) -> StripeObject:
    require(call.params, "type")
    return new_payment_method(call.sim, call.params)


def new_payment_method(sim: Simulator, params: Parameters) -> StripeObject:
    kind = params["type"]
    if kind not in SIMULATED:
        raise invalid(
            f"The payment method type provided: {kind} is invalid. The sandbox simulates "
            f"{' and '.join(SIMULATED)}.",
            "type",
        )
    require(params, kind)
    method = blank(sim, kind, params)
    if kind == "card":
        return add_card(sim, method, params["card"])
    return add_bank_account(sim, method, params["sepa_debit"])


def blank(sim: Simulator, kind: str, params: Parameters) -> StripeObject:
    method = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(params.get("billing_details")),
        "created": sim.clock.seconds(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }
    return update(method, params, "allow_redisplay")


def billing_details(given: Parameters | None) -> StripeObject:
    given = given or {}
    return {
        "address": address(given.get("address") or None),
        "email": given.get("email") or None,
        "name": given.get("name") or None,
        "phone": given.get("phone") or None,
        "tax_id": given.get("tax_id") or None,
    }


@dataclass(frozen=True)
class Plastic:
    """A card as it was typed in: which one, and what is printed on it."""

    card: Card
    month: int
    year: int


def add_card(sim: Simulator, method: StripeObject, given: Parameters) -> StripeObject:
    plastic = plastic_of(given)
    card = plastic.card
    method["card"] = {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked",
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": plastic.month,
        "exp_year": plastic.year,
        "fingerprint": fingerprint(card.number),
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return sim.store.add(method, number=card.number)


def plastic_of(given: Parameters) -> Plastic:
    if "token" in given:
        card = named(given["token"])
        if card is None:
            raise no_such("token", given["token"], "card[token]")
        return Plastic(card, 12, 2034)
    require(given, "number", "exp_month", "exp_year")
    return typed_in(given["number"], given["exp_month"], given["exp_year"], given.get("cvc", "123"))


def typed_in(number: str, month: int, year: int, cvc: str) -> Plastic:
    """Check a card as its owner typed it; the errors are those of the card form."""
    plain = digits(number)
    if not passes_luhn(plain):
        raise CardError("Your card number is incorrect.", code="incorrect_number", param="number")
    if not 1 <= month <= 12:
        raise CardError(
            "Your card's expiration month is invalid.",
            code="invalid_expiry_month",
            param="exp_month",
        )
    if is_past(month, year):
        raise CardError(
            "Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year"
        )
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) in (3, 4)):
        raise CardError("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    return Plastic(BY_NUMBER.get(plain) or real_card(), month, year)


def real_card() -> Card:
    """A number that is valid and no test card's."""
    raise CardError(
        "Your card was declined. Your request was in test mode, but used a non test card. For a "
        "list of valid test cards, visit: https://stripe.com/docs/testing.",
        code="card_declined",
        decline_code="test_mode_live_card",
        param="number",
    )


def fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def add_bank_account(sim: Simulator, method: StripeObject, given: Parameters) -> StripeObject:
    iban = normal(given["iban"])
    if not is_iban(iban):
        raise invalid(
            "The IBAN you entered is invalid.", "sepa_debit[iban]", "invalid_bank_account_iban"
        )
    if not (method["billing_details"]["name"] and method["billing_details"]["email"]):
        raise invalid(
            "Missing required param: billing_details[name] and billing_details[email].",
            "billing_details",
            "parameter_missing",
        )
    method["sepa_debit"] = {
        "bank_code": iban[4:9],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": fingerprint(iban),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }
    return sim.store.add(method, iban=iban)


def find_or_make(sim: Simulator, name: str) -> StripeObject:
    """A stored payment method, or a new one for a documented name such as ``pm_card_visa``."""
    card = named(name) if name.startswith("pm_card_") else None
    if card is None:
        return sim.need("payment_method", name, "payment_method")
    token = "tok_" + name.removeprefix("pm_card_")
    return new_payment_method(sim, {"type": "card", "card": {"token": token}})


@operation("GET", "/v1/payment_methods/{payment_method}", "PaymentMethodRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("payment_method", call.id, "payment_method")


@operation("GET", "/v1/payment_methods", "PaymentMethodListParams")
def list_all(call: Call) -> StripeObject:
    only = Filter()
    only.equal(call.params, "type")
    return page(call, "payment_method", "customer", only=only)
