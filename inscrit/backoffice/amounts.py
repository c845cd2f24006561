"""Amounts as people write them, ``12,50`` or ``12.50``; stored in the currency's minor unit."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from inscrit.money import decimals

WRITTEN = re.compile(r"\d{1,12}(\.\d{1,3})?", re.ASCII)
# Stripe takes up to eight digits: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
DEAREST = 99_999_999


class AmountField(forms.CharField):
    """What was written; its form knows the currency and makes minor units of it."""

    def __init__(self, **more: Any) -> None:
        attributes = {"inputmode": "decimal", "autocomplete": "off", "size": 10}
        super().__init__(max_length=20, widget=forms.TextInput(attrs=attributes), **more)


def in_units(amount: int, currency: str) -> str:
    """An amount in minor units as it is written, in the manner of the active language."""
    digits = decimals(currency)
    return number_format(Decimal(amount).scaleb(-digits), digits, use_l10n=True)


def in_minor_units(written: str, currency: str) -> int:
    """Raises forms.ValidationError for what is no amount of this currency."""
    digits = decimals(currency)
    plain = "".join(written.split()).replace(",", ".")
    amount = Decimal(plain if WRITTEN.fullmatch(plain) else -1).scaleb(digits)
    if amount < 0 or amount != int(amount):
        example = {"example": in_units(1250 if digits else 12, currency)}
        raise forms.ValidationError(_("Write an amount such as %(example)s.") % example)
    if amount > DEAREST:
        most = {"most": in_units(DEAREST, currency)}
        raise forms.ValidationError(_("At most %(most)s can be charged.") % most)
    return int(amount)
