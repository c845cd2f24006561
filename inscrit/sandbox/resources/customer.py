"""https://docs.stripe.com/api/customers"""

from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import address, shipping, update
from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.lists import page
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

FIELDS = ("balance", "description", "email", "name", "phone", "preferred_locales", "tax_exempt")


@operation("POST", "/v1/customers", "CustomerCreateParams")
def create(call: Call) -> StripeObject:
    return new_customer(call.sim, call.params)


def new_customer(sim: Simulator, params: Parameters) -> StripeObject:
    customer: StripeObject = {
        "id": new_id("cus").replace("_1", "_", 1),
        "object": "customer",
        "address": address(params["address"]) if params.get("address") else None,
        "balance": 0,
        "created": sim.clock.seconds(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": shipping(params.get("shipping")),
        "tax_exempt": "none",
        "test_clock": None,
    }
    sim.store.add(update(customer, params, *FIELDS))
    emit(sim, "customer.created", customer)
    return customer


@operation("GET", "/v1/customers/{customer}", "CustomerRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    """Of a deleted customer Stripe still says that it was one."""
    deleted = call.sim.store.get("deleted", call.id)
    if deleted and deleted["object"] == "customer":
        return deleted
    return call.sim.need("customer", call.id)


@operation("POST", "/v1/customers/{customer}", "CustomerUpdateParams")
def change(call: Call) -> StripeObject:
    customer = call.sim.need("customer", call.id)
    if "address" in call.params:
        customer["address"] = address(call.params["address"] or None)
    if "shipping" in call.params:
        customer["shipping"] = shipping(call.params["shipping"])
    call.sim.store.save(update(customer, call.params, *FIELDS))
    emit(call.sim, "customer.updated", customer)
    return customer


@operation("DELETE", "/v1/customers/{customer}")
def delete(call: Call) -> StripeObject:
    customer = call.sim.need("customer", call.id)
    emit(call.sim, "customer.deleted", customer)
    return call.sim.store.bury({"id": call.id, "object": "customer", "deleted": True})


@operation("GET", "/v1/customers", "CustomerListParams")
def list_all(call: Call) -> StripeObject:
    return page(call, "customer", "email")
