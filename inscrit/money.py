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
