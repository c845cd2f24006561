"""The field for an amount as people write it, ``12,50`` or ``12.50``; stored in minor units."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from inscrit.money import LEAST, decimals, is_too_little, minor, typed

# Stripe takes up to eight digits: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
DEAREST = 99_999_999


class AmountField(forms.CharField):
    """What was written; its form knows the currency and makes minor units of it."""

    def __init__(self, **more: Any) -> None:
        attributes = {"inputmode": "decimal", "autocomplete": "off", "size": 10}
        super().__init__(max_length=20, widget=forms.TextInput(attrs=attributes), **more)


def in_minor_units(written: str, currency: str) -> int:
    """Raises forms.ValidationError for what is no amount of this currency."""
    amount = minor(written, currency)
    if amount is None:
        example = {"example": typed(1250 if decimals(currency) else 12, currency)}
        raise forms.ValidationError(_("Write an amount such as %(example)s.") % example)
    if amount > DEAREST:
        most = {"most": typed(DEAREST, currency)}
        raise forms.ValidationError(_("At most %(most)s can be charged.") % most)
    return amount


def check_that_a_card_can_pay(amount: int, currency: str) -> None:
    """Raises forms.ValidationError for less than Stripe charges."""
    if is_too_little(amount, currency):
        least = {"least": typed(LEAST[currency], currency)}
        text = _(
            "By card no less than %(least)s can be paid. Or take the card out of the ways to pay."
        )
        raise forms.ValidationError(text % least)
