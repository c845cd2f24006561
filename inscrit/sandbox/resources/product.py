"""https://docs.stripe.com/api/products"""

from inscrit.sandbox.errors import empty_parameter, invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import require, update
from inscrit.sandbox.ids import new_id
from inscrit.sandbox.lists import Filter, page
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

FIELDS = (
    "active",
    "default_price",
    "description",
    "images",
    "marketing_features",
    "name",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
)


@operation("POST", "/v1/products", "ProductCreateParams")
def create(call: Call) -> StripeObject:
    require(call.params, "name")
    product = new_product(call.sim, call.params)
    emit(call.sim, "product.created", product)
    return product


def new_product(sim: Simulator, params: Parameters) -> StripeObject:
    if not params.get("name"):
        raise empty_parameter("name")
    if sim.store.find(params.get("id", "")):
        raise invalid("Product already exists.", "id", "resource_already_exists")
    now = sim.clock.seconds()
    product: StripeObject = {
        "id": params.get("id") or new_id("prod").replace("_1", "_", 1),
        "object": "product",
        "active": True,
        "created": now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": params.get("package_dimensions"),
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": now,
        "url": None,
    }
    return sim.store.add(update(product, params, *FIELDS))


@operation("GET", "/v1/products/{id}", "ProductRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("product", call.id)


@operation("POST", "/v1/products/{id}", "ProductUpdateParams")
def change(call: Call) -> StripeObject:
    product = call.sim.need("product", call.id)
    product["updated"] = call.sim.clock.seconds()
    call.sim.store.save(update(product, call.params, *FIELDS))
    emit(call.sim, "product.updated", product)
    return product


@operation("DELETE", "/v1/products/{id}")
def delete(call: Call) -> StripeObject:
    product = call.sim.need("product", call.id)
    call.sim.store.delete(call.id)
    emit(call.sim, "product.deleted", product)
    return {"id": call.id, "object": "product", "deleted": True}


@operation("GET", "/v1/products", "ProductListParams")
def list_all(call: Call) -> StripeObject:
    only = Filter()
    if ids := call.params.get("ids"):
        only.add(f"id IN ({', '.join('?' * len(ids))})", *ids)
    return page(call, "product", "active", "url", "shippable", only=only)
