"""What most resources share: changing fields, metadata, required parameters."""

from inscrit.sandbox.errors import invalid, missing_parameter
from inscrit.sandbox.operations import Parameters
from inscrit.sandbox.store import StripeObject

# https://docs.stripe.com/currencies: what a simulated account can be paid in.
CURRENCY_CODES = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn
bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd
gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak
lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd
omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std
szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer zar
zmw
"""
CURRENCIES = frozenset(CURRENCY_CODES.split())

# Those without a smaller unit: an amount of 500 is 500 yen.
ZERO_DECIMAL_CODES = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(ZERO_DECIMAL_CODES.split())
MAX_AMOUNT = 99_999_999


def require(params: Parameters, *names: str) -> None:
    for name in names:
        if name not in params:
            raise missing_parameter(name)


def currency_of(params: Parameters, param: str = "currency") -> str:
    currency = str(params["currency"]).lower()
    if currency not in CURRENCIES:
        known = ", ".join(sorted(CURRENCIES))
        raise invalid(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {known}",
            param,
        )
    return currency


def check_amount(amount: int, param: str, *, least: int = 0) -> int:
    """``amount`` is in minor units (cents, or whole yen)."""
    if amount < least:
        raise invalid(
            f"This value must be greater than or equal to {least}.",
            param,
            "parameter_invalid_integer",
        )
    if amount > MAX_AMOUNT:
        raise invalid("Amount must be no more than €999,999.99", param, "amount_too_large")
    return amount


def update(item: StripeObject, params: Parameters, *fields: str) -> StripeObject:
    """Set the given fields that were sent; an empty string clears a field."""
    for name in fields:
        if name in params:
            item[name] = params[name] if params[name] != "" else None
    if "metadata" in params:
        item["metadata"] = merged(item["metadata"] or {}, params["metadata"])
    return item


def merged(metadata: dict[str, str], changes: dict[str, str] | str) -> dict[str, str]:
    """An empty value removes its key; an empty string instead of pairs removes all of them."""
    if isinstance(changes, str):
        return {}
    both = metadata | changes
    return {key: value for key, value in both.items() if value != ""}


EMPTY_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def address(given: Parameters | None) -> StripeObject:
    return EMPTY_ADDRESS | {name: value or None for name, value in (given or {}).items()}


def shipping(given: Parameters | str | None) -> StripeObject | None:
    if not isinstance(given, dict):
        return None
    return {
        "address": address(given.get("address")),
        "carrier": given.get("carrier"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tracking_number": given.get("tracking_number"),
    }
