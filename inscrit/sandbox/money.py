"""Amounts as people read them."""

from inscrit.sandbox.fields import ZERO_DECIMAL

SIGNS = {"eur": "€", "usd": "$", "gbp": "£", "jpy": "¥"}


def written(amount: int, currency: str, language: str = "en") -> str:
    """``amount`` is in minor units: 1050 eur is ``€10.50``, in French ``10,50 €``."""
    sign = SIGNS.get(currency, currency.upper())
    if currency in ZERO_DECIMAL:
        number = f"{amount:,}"
    else:
        number = f"{'-' if amount < 0 else ''}{abs(amount) // 100:,}.{abs(amount) % 100:02}"
    if language == "fr":
        plain = number.replace(",", "\u202f").replace(".", ",")
        return f"{plain}\u00a0{sign}"
    return f"{sign}{number}" if currency in SIGNS else f"{sign} {number}"
