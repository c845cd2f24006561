"""Amounts as people read them."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from inscrit import money


@pytest.mark.parametrize(
    ("amount", "currency", "french", "english"),
    [
        (1250, "eur", "12,50\u00a0€", "€12.50"),
        (0, "eur", "0,00\u00a0€", "€0.00"),
        (5, "gbp", "0,05\u00a0£", "£0.05"),
        (123456789, "usd", "1\u202f234\u202f567,89\u00a0$", "$1,234,567.89"),
        (-1250, "eur", "−12,50\u00a0€", "−€12.50"),
        (1500, "jpy", "1\u202f500\u00a0¥", "¥1,500"),
        (12345, "kwd", "12,345\u00a0KWD", "KWD\u00a012.345"),
        (1250, "chf", "12,50\u00a0CHF", "CHF\u00a012.50"),
    ],
)
def test_amounts_are_written_in_the_manner_of_the_language(
    amount: int, currency: str, french: str, english: str
) -> None:
    assert money.written(amount, currency, "fr") == french
    assert money.written(amount, currency, "en") == english


@given(st.integers(0, 10**12), st.sampled_from(["eur", "jpy", "kwd"]))
def test_no_digit_is_lost_however_large_the_amount(amount: int, currency: str) -> None:
    digits = "".join(
        c for c in money.written(amount, currency, "en") if c.isascii() and c.isdigit()
    )
    assert int(digits) == amount


@given(
    st.integers(0, 10**12), st.sampled_from(["eur", "jpy", "kwd"]), st.sampled_from(["fr", "en"])
)
def test_what_is_typed_comes_back_as_the_same_amount(
    amount: int, currency: str, language: str
) -> None:
    with translation.override(language):
        assert money.minor(money.typed(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("12.50", "eur", 1250),
        ("12,5", "eur", 1250),
        ("12", "eur", 1200),
        ("1\u202f234,50", "eur", 123450),
        ("12.00", "jpy", 12),
        ("0", "eur", 0),
        ("12.505", "eur", None),
        ("12.5", "jpy", None),
        ("-1", "eur", None),
        ("1e3", "eur", None),
        ("12,", "eur", None),
        ("1,234.50", "eur", None),
        ("", "eur", None),
        ("١٢", "eur", None),
    ],
)
def test_an_amount_is_typed_with_a_comma_or_a_point(
    text: str, currency: str, amount: int | None
) -> None:
    assert money.minor(text, currency) == amount
