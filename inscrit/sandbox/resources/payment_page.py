"""The hosted page's own calls, undocumented, which the official CLI's triggers use."""

from inscrit.sandbox import checkout
from inscrit.sandbox.errors import invalid
from inscrit.sandbox.fields import require
from inscrit.sandbox.operations import Call, operation
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject


class Confirmation:
    """Parameters of a confirmation; the library declares none."""

    payment_method: str
    expected_amount: int
    expand: list[str]


@operation("GET", "/v1/payment_pages/{session}")
def retrieve(call: Call) -> StripeObject:
    return shown(call.sim, call.sim.need("checkout.session", call.id, "session"))


def shown(sim: Simulator, session: StripeObject) -> StripeObject:
    return {
        "id": session["id"].replace("cs_", "ppage_", 1),
        "object": "payment_page",
        "livemode": False,
        "session_id": session["id"],
        "status": session["status"],
        "payment_status": session["payment_status"],
        "currency": session["currency"],
        "amount_total": session["amount_total"],
        "payment_intent": payment_intent(sim, session),
    }


def payment_intent(sim: Simulator, session: StripeObject) -> StripeObject | None:
    identifier = session["payment_intent"]
    return sim.need("payment_intent", identifier) if identifier else None


@operation("POST", "/v1/payment_pages/{session}/confirm", Confirmation)
def confirm(call: Call) -> StripeObject:
    require(call.params, "payment_method")
    session = call.sim.need("checkout.session", call.id, "session")
    method = call.sim.need("payment_method", call.params["payment_method"], "payment_method")
    expected = call.params.get("expected_amount", session["amount_total"])
    if expected != session["amount_total"]:
        raise invalid(
            "The amount of this Checkout Session is not the expected one.",
            "expected_amount",
            "checkout_amount_mismatch",
        )
    return shown(call.sim, checkout.pay(call.sim, session, method))
