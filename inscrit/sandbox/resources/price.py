"""https://docs.stripe.com/api/prices"""

from inscrit.sandbox.errors import invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import check_amount, currency_of, update
from inscrit.sandbox.ids import new_id
from inscrit.sandbox.lists import Filter, page
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.resources.product import new_product
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

FIELDS = ("active", "lookup_key", "nickname", "tax_behavior")


@operation("POST", "/v1/prices", "PriceCreateParams")
def create(call: Call) -> StripeObject:
    if "recurring" in call.params:
        raise invalid("The sandbox does not simulate recurring prices.", "recurring")
    price = new_price(call.sim, call.params)
    emit(call.sim, "price.created", price)
    return price


def new_price(sim: Simulator, params: Parameters, at: str = "") -> StripeObject:
    """``at`` is where the parameters stand in the request, for the errors."""
    amount = unit_amount(params, at)
    price = {
        "id": new_id("price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": sim.clock.seconds(),
        "currency": currency_of(params, within(at, "currency")),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product_of(sim, params, at),
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return sim.store.add(update(price, params, *FIELDS))


def within(at: str, name: str) -> str:
    return f"{at}[{name}]" if at else name


def unit_amount(params: Parameters, at: str) -> int:
    """In minor units. Fractions of them (``unit_amount_decimal``) must be whole here."""
    if "unit_amount" in params:
        return check_amount(params["unit_amount"], within(at, "unit_amount"))
    decimal = str(params.get("unit_amount_decimal", ""))
    if not decimal.isdigit():
        raise invalid(
            "You must specify either `unit_amount` or `unit_amount_decimal` in whole minor units.",
            within(at, "unit_amount"),
            "parameter_missing",
        )
    return check_amount(int(decimal), within(at, "unit_amount_decimal"))


def product_of(sim: Simulator, params: Parameters, at: str) -> str:
    if "product" in params:
        return str(sim.need("product", params["product"], within(at, "product"))["id"])
    if data := params.get("product_data"):
        return str(new_product(sim, data)["id"])
    raise invalid(
        "You must specify either `product` or `product_data`.",
        within(at, "product"),
        "parameter_missing",
    )


@operation("GET", "/v1/prices/{price}", "PriceRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("price", call.id, "price")


@operation("POST", "/v1/prices/{price}", "PriceUpdateParams")
def change(call: Call) -> StripeObject:
    price = call.sim.need("price", call.id, "price")
    call.sim.store.save(update(price, call.params, *FIELDS))
    emit(call.sim, "price.updated", price)
    return price


@operation("GET", "/v1/prices", "PriceListParams")
def list_all(call: Call) -> StripeObject:
    only = Filter()
    if keys := call.params.get("lookup_keys"):
        marks = ", ".join("?" * len(keys))
        only.add(f"json_extract(body, '$.lookup_key') IN ({marks})", *keys)
    return page(call, "price", "active", "currency", "product", "type", only=only)
