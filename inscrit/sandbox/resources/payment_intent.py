"""https://docs.stripe.com/api/payment_intents"""

from typing import Any

from inscrit.sandbox import payments
from inscrit.sandbox.errors import StripeError, invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import check_amount, currency_of, require, shipping, update
from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.lists import page
from inscrit.sandbox.money import written
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.resources import charge as charges
from inscrit.sandbox.resources.payment_method import find_or_make, new_payment_method
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

FIELDS = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)

# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, the ones in Europe mostly.
LEAST = {"eur": 50, "usd": 50, "chf": 50, "cad": 50, "gbp": 30, "jpy": 50}

UNPAID = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*UNPAID, "requires_capture", "processing")


@operation("POST", "/v1/payment_intents", "PaymentIntentCreateParams")
def create(call: Call) -> StripeObject:
    require(call.params, "amount", "currency")
    if "customer" in call.params:
        call.sim.need("customer", call.params["customer"], "customer")
    intent = new_intent(call.sim, call.params)
    if call.params.get("confirm"):
        return payments.confirm(call.sim, intent, method_of(call, intent))
    if "payment_method" in call.params or "payment_method_data" in call.params:
        intent["payment_method"] = method_of(call, intent)["id"]
        intent["status"] = "requires_confirmation"
    return call.sim.store.save(intent)


def new_intent(sim: Simulator, params: Parameters, **hidden: Any) -> StripeObject:
    currency = currency_of(params)
    amount = check_amount(params["amount"], "amount", least=1)
    if amount < LEAST.get(currency, 1):
        least = written(LEAST[currency], currency)
        raise invalid(f"Amount must be at least {least} {currency}", "amount", "amount_too_small")
    intent = blank(sim, params) | {"amount": amount, "currency": currency}
    sim.store.add(update(intent, params, *FIELDS), return_url=params.get("return_url"), **hidden)
    emit(sim, "payment_intent.created", intent)
    return intent


def blank(sim: Simulator, params: Parameters) -> StripeObject:
    identifier = new_id("pi")
    return {
        "id": identifier,
        "object": "payment_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount": 0,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic(params),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{identifier}_secret_{token(25)}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": sim.clock.seconds(),
        "currency": "eur",
        "customer": params.get("customer"),
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": options(params),
        "payment_method_types": types(params),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": shipping(params.get("shipping")),
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def types(params: Parameters) -> list[str]:
    return list(params.get("allowed_payment_method_types") or ["card"])


def automatic(params: Parameters) -> StripeObject | None:
    if "allowed_payment_method_types" in params:
        return None
    asked = params.get("automatic_payment_methods") or {"enabled": True}
    return {"enabled": asked["enabled"], "allow_redirects": asked.get("allow_redirects", "always")}


def options(params: Parameters) -> StripeObject:
    if "card" not in types(params):
        return {}
    card = {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    }
    return {"card": card}


def method_of(call: Call, intent: StripeObject) -> StripeObject:
    """The payment method a request brings with it, or the one the intent has already."""
    if data := call.params.get("payment_method_data"):
        return fitting(intent, new_payment_method(call.sim, data))
    name = call.params.get("payment_method") or intent["payment_method"]
    if name is None:
        raise unexpected(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            intent,
        )
    return fitting(intent, find_or_make(call.sim, name))


def fitting(intent: StripeObject, method: StripeObject) -> StripeObject:
    allowed = intent["payment_method_types"]
    if method["type"] not in allowed:
        raise invalid(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. "
            f"Please attach a PaymentMethod of one of the following types: {', '.join(allowed)}.",
            "payment_method",
        )
    return method


def unexpected(message: str, intent: StripeObject) -> StripeError:
    return StripeError(message, code="payment_intent_unexpected_state", payment_intent=intent)


def need_unmanaged(call: Call, intent: StripeObject, verb: str) -> None:
    """Checkout confirms and cancels its own payment intents."""
    if call.sim.store.hidden(intent["id"]).get("session"):
        raise unexpected(
            f"You cannot {verb} this PaymentIntent because it was created by a Checkout Session. "
            "To cancel the PaymentIntent, expire the Checkout Session.",
            intent,
        )


@operation("GET", "/v1/payment_intents/{intent}", "PaymentIntentRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("payment_intent", call.id, "intent")


@operation("POST", "/v1/payment_intents/{intent}", "PaymentIntentUpdateParams")
def change(call: Call) -> StripeObject:
    intent = call.sim.need("payment_intent", call.id, "intent")
    if "amount" in call.params:
        need_status(intent, "update", UNPAID)
        intent["amount"] = check_amount(call.params["amount"], "amount", least=1)
    if "shipping" in call.params:
        intent["shipping"] = shipping(call.params["shipping"])
    if "payment_method" in call.params:
        intent["payment_method"] = method_of(call, intent)["id"]
        intent["status"] = "requires_confirmation"
    return call.sim.store.save(update(intent, call.params, *FIELDS))


def need_status(intent: StripeObject, verb: str, allowed: tuple[str, ...]) -> None:
    if intent["status"] not in allowed:
        raise unexpected(
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. "
            f"Only a PaymentIntent with one of the following statuses may be {PAST[verb]}: "
            f"{', '.join(allowed)}.",
            intent,
        )


PAST = {
    "update": "updated",
    "confirm": "confirmed",
    "cancel": "canceled",
    "capture": "captured",
}


@operation("POST", "/v1/payment_intents/{intent}/confirm", "PaymentIntentConfirmParams")
def confirm(call: Call) -> StripeObject:
    intent = call.sim.need("payment_intent", call.id, "intent")
    need_unmanaged(call, intent, "confirm")
    need_status(intent, "confirm", UNPAID)
    if "return_url" in call.params:
        call.sim.store.hide(intent["id"], return_url=call.params["return_url"])
    return payments.confirm(call.sim, intent, method_of(call, intent))


@operation("POST", "/v1/payment_intents/{intent}/cancel", "PaymentIntentCancelParams")
def cancel(call: Call) -> StripeObject:
    intent = call.sim.need("payment_intent", call.id, "intent")
    need_unmanaged(call, intent, "cancel")
    need_status(intent, "cancel", CANCELABLE)
    return cancel_intent(call.sim, intent, call.params.get("cancellation_reason"))


def cancel_intent(sim: Simulator, intent: StripeObject, reason: str | None) -> StripeObject:
    sim.timers.stop(intent["id"])
    intent |= {
        "status": "canceled",
        "canceled_at": sim.clock.seconds(),
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    sim.store.save(intent)
    emit(sim, "payment_intent.canceled", intent)
    return intent


@operation("POST", "/v1/payment_intents/{intent}/capture", "PaymentIntentCaptureParams")
def capture(call: Call) -> StripeObject:
    intent = call.sim.need("payment_intent", call.id, "intent")
    need_status(intent, "capture", ("requires_capture",))
    amount: int = call.params.get("amount_to_capture") or intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise invalid(
            "You cannot capture more than what was authorized.",
            "amount_to_capture",
            "amount_too_large",
        )
    charges.capture(call.sim, call.sim.need("charge", intent["latest_charge"]), amount)
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    call.sim.store.save(intent)
    emit(call.sim, "payment_intent.succeeded", intent)
    return intent


@operation("GET", "/v1/payment_intents", "PaymentIntentListParams")
def list_all(call: Call) -> StripeObject:
    return page(call, "payment_intent", "customer")
