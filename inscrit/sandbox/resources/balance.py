"""https://docs.stripe.com/api/balance and /balance_transactions"""

from typing import Any

from inscrit.sandbox.ids import new_id
from inscrit.sandbox.lists import Filter, page
from inscrit.sandbox.operations import Call, operation
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

# An example of a fee, not a quotation: 1.5 % and 25 minor units.
FEE_PER_MILLE = 15
FEE_FIXED = 25
SETTLES_AFTER = 7 * 24 * 3600


def fee_on(amount: int) -> int:
    return (amount * FEE_PER_MILLE + 999) // 1000 + FEE_FIXED


def book(
    sim: Simulator, kind: str, source: StripeObject, amount: int, *, fee: int = 0
) -> StripeObject:
    """Money that comes in or (with a negative ``amount``, in minor units) goes out."""
    now = sim.clock.seconds()
    details = {
        "amount": fee,
        "application": None,
        "currency": source["currency"],
        "description": "Stripe processing fees (simulated)",
        "type": "stripe_fee",
    }
    return sim.store.add(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + SETTLES_AFTER,
            "balance_type": "payments",
            "created": now,
            "currency": source["currency"],
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [details] if fee else [],
            "net": amount - fee,
            "reporting_category": "dispute" if kind == "adjustment" else kind,
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
    )


@operation("GET", "/v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams")
def retrieve_transaction(call: Call) -> StripeObject:
    return call.sim.need("balance_transaction", call.id)


@operation("GET", "/v1/balance_transactions", "BalanceTransactionListParams")
def list_transactions(call: Call) -> StripeObject:
    only = Filter()
    only.equal(call.params, "currency", "source", "type")
    return page(call, "balance_transaction", only=only)


@operation("GET", "/v1/balance", "BalanceRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    now = call.sim.clock.seconds()
    return {
        "object": "balance",
        "available": sums(call.sim, "<=", now),
        "livemode": False,
        "pending": sums(call.sim, ">", now),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


def sums(sim: Simulator, comparison: str, now: int) -> list[dict[str, Any]]:
    rows = sim.store.database.execute(
        "SELECT json_extract(body, '$.currency') AS currency, sum(json_extract(body, '$.net')) "  # noqa: S608
        "FROM object WHERE kind = 'balance_transaction' "
        f"AND json_extract(body, '$.available_on') {comparison} ? GROUP BY currency",
        (now,),
    ).fetchall() or [("eur", 0)]
    return [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in rows
    ]
