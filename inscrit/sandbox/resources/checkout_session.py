"""https://docs.stripe.com/api/checkout/sessions, mode ``payment``, hosted page."""

import re
from typing import Any

from inscrit.sandbox.errors import invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import MAX_AMOUNT, require, update
from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.lists import Filter, page, slice_of
from inscrit.sandbox.money import written
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.resources.payment_intent import LEAST, cancel_intent
from inscrit.sandbox.resources.payment_method import SIMULATED
from inscrit.sandbox.resources.price import new_price
from inscrit.sandbox.resources.webhook_endpoint import is_web_address
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.timers import when_due

SHORTEST = 30 * 60
LONGEST = 24 * 3600
# A request takes a moment to arrive: its sender counted from a little earlier.
LEEWAY = 10
MAX_LINE_ITEMS = 100

ADDRESSES = ("success_url", "cancel_url", "return_url")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

# What would change the amount or the flow, and is not simulated: better refused than ignored.
NOT_SIMULATED = ("discounts", "shipping_options", "optional_items", "subscription_data")

FIELDS = (
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "customer",
    "customer_creation",
    "customer_email",
    "invoice_creation",
    "locale",
    "origin_context",
    "phone_number_collection",
    "return_url",
    "submit_type",
    "success_url",
)


@operation("POST", "/v1/checkout/sessions", "checkout.SessionCreateParams")
def create(call: Call) -> StripeObject:
    check_mode(call.params)
    require(call.params, "success_url")
    check_addresses(call.params)
    check_buyer(call.sim, call.params)
    items = line_items(call.sim, call.params.get("line_items") or [])
    session = new_session(call.sim, call.params, items)
    deadline = call.sim.clock.now() + lifetime(call.sim, call.params)
    session["expires_at"] = call.params.get("expires_at", int(deadline))
    call.sim.store.add(
        session,
        line_items=items,
        payment_intent_data=call.params.get("payment_intent_data", {}),
    )
    call.sim.timers.start("expire_when_due", session["id"], deadline)
    return session


def check_mode(params: Parameters) -> None:
    require(params, "mode")
    if params["mode"] != "payment":
        raise invalid("The sandbox simulates the mode `payment` only.", "mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The sandbox simulates the ui_mode `hosted_page` only.", "ui_mode")
    if (params.get("automatic_tax") or {}).get("enabled"):
        raise invalid("The sandbox does not simulate automatic tax.", "automatic_tax[enabled]")
    for name in NOT_SIMULATED:
        if name in params:
            raise invalid(f"The sandbox does not simulate `{name}`.", name)
    require(params, "line_items")


def check_addresses(params: Parameters) -> None:
    for name in ADDRESSES:
        if name in params and not is_web_address(params[name]):
            raise invalid("Not a valid URL", name, "url_invalid")


def check_buyer(sim: Simulator, params: Parameters) -> None:
    if "customer" in params and "customer_email" in params:
        raise invalid(
            "You may only specify one of these parameters: customer, customer_email.", "customer"
        )
    if "customer" in params:
        sim.need("customer", params["customer"], "customer")
    email = params.get("customer_email")
    if email is not None and not EMAIL.fullmatch(email):
        raise invalid(f"Invalid email address: {email}", "customer_email", "email_invalid")


def lifetime(sim: Simulator, params: Parameters) -> float:
    """Seconds until the session expires: 30 minutes to 24 hours.

    An application whose own clock was not moved counts from the real time; it is taken at its
    word, so the session still lives as long as was meant.
    """
    expires_at = params.get("expires_at")
    if expires_at is None:
        return LONGEST
    left: list[float] = [expires_at - sim.clock.now(), expires_at - sim.clock.real()]
    fitting = [each for each in left if SHORTEST - LEEWAY <= each <= LONGEST + LEEWAY]
    if fitting:
        return fitting[0]
    limit = "at least 30 minutes" if left[1] < SHORTEST else "less than 24 hours"
    raise invalid(
        f"The `expires_at` timestamp must be {limit} from Checkout Session creation.", "expires_at"
    )


def line_items(sim: Simulator, given: list[Parameters]) -> list[StripeObject]:
    if not given or len(given) > MAX_LINE_ITEMS:
        raise invalid(f"There must be 1 to {MAX_LINE_ITEMS} line items.", "line_items")
    items = [line_item(sim, item, f"line_items[{place}]") for place, item in enumerate(given)]
    if len({item["currency"] for item in items}) > 1:
        raise invalid(
            "All prices on a Checkout session must be in the same currency.", "line_items"
        )
    return items


def line_item(sim: Simulator, given: Parameters, at: str) -> StripeObject:
    price = price_of(sim, given, at)
    quantity = given.get("quantity", 0)
    if quantity < 1:
        raise invalid("Quantity is required and must be at least 1.", f"{at}[quantity]")
    product = sim.need("product", price["product"])
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": given.get("metadata") or {},
        "price": price,
        "quantity": quantity,
    }


def price_of(sim: Simulator, given: Parameters, at: str) -> StripeObject:
    if ("price" in given) == ("price_data" in given):
        raise invalid("You must specify either `price` or `price_data`, and not both.", at)
    if "price" in given:
        return sim.need("price", given["price"], f"{at}[price]")
    return new_price(sim, given["price_data"], f"{at}[price_data]")


def new_session(sim: Simulator, params: Parameters, items: list[StripeObject]) -> StripeObject:
    total = sum(item["amount_total"] for item in items)
    currency = items[0]["currency"]
    check_total(total, currency)
    session = blank(sim, params) | {
        "amount_subtotal": total,
        "amount_total": total,
        "currency": currency,
        "payment_status": "unpaid" if total else "no_payment_required",
    }
    return update(session, params, *FIELDS)


def check_total(total: int, currency: str) -> None:
    if 0 < total < LEAST.get(currency, 1):
        least = written(LEAST[currency], currency)
        raise invalid(
            f"The Checkout Session's total amount due must add up to at least {least} {currency}",
            None,
            "amount_too_small",
        )
    if total > MAX_AMOUNT:
        most = written(MAX_AMOUNT, currency)
        raise invalid(
            f"The Checkout Session's total amount due must be no more than {most} {currency}",
            None,
            "amount_too_large",
        )


def blank(sim: Simulator, params: Parameters) -> StripeObject:
    identifier = new_id("cs")
    return {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": recovery(params),
        "allow_promotion_codes": None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "branding_settings": branding(),
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": sim.clock.seconds(),
        "currency": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": custom_text(params),
        "customer": None,
        "customer_account": None,
        "customer_creation": "if_required",
        "customer_details": known_customer(params),
        "customer_email": None,
        "discounts": [],
        "excluded_payment_method_types": None,
        "expires_at": 0,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": methods(params),
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{sim.config.origin}/c/pay/{identifier}",
        "wallet_options": None,
    }


def methods(params: Parameters) -> list[str]:
    asked = list(params.get("allowed_payment_method_types") or ["card"])
    if not set(asked) & set(SIMULATED):
        raise invalid(
            f"The sandbox simulates {' and '.join(SIMULATED)}, and none of these was asked for.",
            "allowed_payment_method_types",
        )
    return asked


def recovery(params: Parameters) -> StripeObject | None:
    asked = (params.get("after_expiration") or {}).get("recovery")
    if not asked:
        return None
    return {
        "recovery": {
            "allow_promotion_codes": asked.get("allow_promotion_codes", False),
            "enabled": asked["enabled"],
            "expires_at": None,
            "url": None,
        }
    }


def branding() -> StripeObject:
    return {
        "background_color": "#ffffff",
        "border_style": "rounded",
        "button_color": "#0074d4",
        "display_name": "Simulated account",
        "font_family": "default",
        "icon": None,
        "logo": None,
    }


def custom_text(params: Parameters) -> StripeObject:
    places = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    return {place: (params.get("custom_text") or {}).get(place) or None for place in places}


def known_customer(params: Parameters) -> StripeObject | None:
    email = params.get("customer_email")
    return customer_details({"email": email}) if email else None


def customer_details(billing: StripeObject) -> StripeObject:
    return {
        "address": billing.get("address"),
        "business_name": None,
        "email": billing.get("email"),
        "individual_name": None,
        "name": billing.get("name"),
        "phone": billing.get("phone"),
        "tax_exempt": "none",
        "tax_ids": None,
    }


@operation("GET", "/v1/checkout/sessions/{session}", "checkout.SessionRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("checkout.session", call.id, "session")


@operation("POST", "/v1/checkout/sessions/{session}", "checkout.SessionUpdateParams")
def change(call: Call) -> StripeObject:
    session = call.sim.need("checkout.session", call.id, "session")
    return call.sim.store.save(update(session, call.params))


@operation("POST", "/v1/checkout/sessions/{session}/expire", "checkout.SessionExpireParams")
def expire(call: Call) -> StripeObject:
    session = call.sim.need("checkout.session", call.id, "session")
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session['status']}."
        )
    return expire_session(call.sim, session)


def expire_session(sim: Simulator, session: StripeObject) -> StripeObject:
    sim.timers.stop(session["id"])
    session |= {"status": "expired", "url": None}
    if session["after_expiration"] and session["after_expiration"]["recovery"]["enabled"]:
        offer_recovery(sim, session)
    sim.store.save(session)
    if session["payment_intent"]:
        drop_intent(sim, session["payment_intent"])
    emit(sim, "checkout.session.expired", session)
    return session


RECOVERABLE_FOR = 30 * 24 * 3600


def offer_recovery(sim: Simulator, session: StripeObject) -> None:
    session["after_expiration"]["recovery"] |= {
        "expires_at": sim.clock.seconds() + RECOVERABLE_FOR,
        "url": f"{sim.config.origin}/c/recover/{session['id']}_{token(12)}",
    }


def recover(sim: Simulator, session: StripeObject) -> StripeObject:
    """A new open session for what an expired one was about."""
    identifier = new_id("cs")
    again = session | {
        "id": identifier,
        "after_expiration": None,
        "created": sim.clock.seconds(),
        "expires_at": sim.clock.seconds() + LONGEST,
        "payment_intent": None,
        "recovered_from": session["id"],
        "status": "open",
        "url": f"{sim.config.origin}/c/pay/{identifier}",
    }
    sim.store.add(again, **sim.store.hidden(session["id"]))
    sim.timers.start("expire_when_due", identifier, sim.clock.now() + LONGEST)
    return again


def drop_intent(sim: Simulator, identifier: str) -> None:
    intent = sim.need("payment_intent", identifier)
    if intent["status"] not in ("succeeded", "canceled", "processing"):
        cancel_intent(sim, intent, "expired")


@when_due
def expire_when_due(sim: Simulator, identifier: str) -> None:
    session = sim.need("checkout.session", identifier)
    if session["status"] == "open":
        expire_session(sim, session)


@operation(
    "GET",
    "/v1/checkout/sessions/{session}/line_items",
    "checkout.SessionListLineItemsParams",
)
def list_line_items(call: Call) -> StripeObject:
    session = call.sim.need("checkout.session", call.id, "session")
    return slice_of(call, call.sim.store.hidden(session["id"])["line_items"])


@operation("GET", "/v1/checkout/sessions", "checkout.SessionListParams")
def list_all(call: Call) -> StripeObject:
    only = Filter()
    details: dict[str, Any] = call.params.get("customer_details") or {}
    if email := details.get("email"):
        only.add("json_extract(body, '$.customer_details.email') = ?", email)
    return page(call, "checkout.session", "customer", "payment_intent", "status", only=only)
