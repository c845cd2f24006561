"""Amounts as people read and type them: ``12,50 €`` in French, ``€12.50`` in English.

They come as integers in the currency's minor unit, as Stripe counts it, and stay integers.
https://docs.stripe.com/currencies#zero-decimal
"""

import re

from django import template
from django.utils.translation import get_language

ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905 - a table
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# What Stripe charges in: https://docs.stripe.com/currencies#presentment-currencies
CHARGED = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq
    gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd
    lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk
    php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top
    try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
    """.split()  # noqa: SIM905 - a table
)
# The least that can be charged, where it is more than the smallest unit:
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
LEAST = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
SIGNS = {"eur": "€", "usd": "$", "gbp": "£", "jpy": "¥"}

NO_BREAK, NARROW_NO_BREAK = "\u00a0", "\u202f"
TYPED = re.compile(r"(\d+)(?:[.,](\d+))?", re.ASCII)

register = template.Library()


@register.filter
def decimals(currency: str) -> int:
    """How many digits of the amount stand behind the decimal sign."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def is_too_little(amount: int, currency: str) -> bool:
    """Whether Stripe would refuse to charge it; nothing at all is charged nowhere."""
    return 0 < amount < LEAST.get(currency, 1)


def written(amount: int, currency: str, language: str) -> str:
    """The amount with its currency, in the manner of the language."""
    sign = "−" if amount < 0 else ""
    unit = SIGNS.get(currency, currency.upper())
    if language.startswith("fr"):
        return f"{sign}{_number(abs(amount), currency, NARROW_NO_BREAK, ',')}{NO_BREAK}{unit}"
    number = _number(abs(amount), currency, ",", ".")
    return f"{sign}{unit}{number}" if currency in SIGNS else f"{sign}{unit}{NO_BREAK}{number}"


def _number(amount: int, currency: str, thousands: str, point: str) -> str:
    digits = decimals(currency)
    whole, fraction = divmod(amount, 10**digits)
    grouped = f"{whole:,}".replace(",", thousands)
    return f"{grouped}{point}{fraction:0{digits}}" if digits else grouped


def typed(amount: int, currency: str) -> str:
    """The bare number as a person types it, ``12,50`` or ``12.50``."""
    french = (get_language() or "en").startswith("fr")
    return _number(amount, currency, "", "," if french else ".")


def minor(text: str, currency: str) -> int | None:
    """What a person typed, in the minor unit; None if it is no amount of this currency."""
    found = TYPED.fullmatch("".join(text.split()))
    if found is None:
        return None
    whole, fraction = found[1], (found[2] or "").rstrip("0")
    digits = decimals(currency)
    return int(whole + fraction.ljust(digits, "0")) if len(fraction) <= digits else None


@register.filter
def money(amount: int, currency: str) -> str:
    """``{{ event.price|money:event.currency }}`` in the language that is being spoken."""
    return written(amount, currency, get_language() or "en")
