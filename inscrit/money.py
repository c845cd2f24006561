"""Amounts as people read them: ``12,50 €`` in French, ``€12.50`` in English.

They come as integers in the currency's minor unit, as Stripe counts it, and stay integers.
https://docs.stripe.com/currencies#zero-decimal
"""

from django import template
from django.utils.translation import get_language

ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905 - a table
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
SIGNS = {"eur": "€", "usd": "$", "gbp": "£", "jpy": "¥"}

NO_BREAK, NARROW_NO_BREAK = "\u00a0", "\u202f"

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


@register.filter
def money(amount: int, currency: str) -> str:
    """``{{ event.price|money:event.currency }}`` in the language that is being spoken."""
    return written(amount, currency, get_language() or "en")
