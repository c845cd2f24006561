"""The forms of single values: what a name, a time, a price may look like."""

import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
)

from inscrit.events.models import LONGEST_OFFER_HOURS
from inscrit.money import CHARGED
from inscrit.registrations.fields import FULL_ADDRESS, LINK

BREAKS = "\n\r\t"
# Stripe takes up to eight digits: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
DEAREST = 99_999_999
MOST_PLACES = 1_000_000
_DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")


def printable(text: str) -> str:
    """Refuse what PostgreSQL can't store (NUL, half a surrogate pair) and other control signs."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise ValueError("Control characters are not accepted.")
    return text


def _printable_lines(text: str) -> str:
    printable(text.translate({ord(sign): " " for sign in BREAKS}))
    return text


def _name(text: str) -> str:
    if LINK.search(text):
        raise ValueError("This is no name: it has a link in it.")
    return text


def _email(text: str) -> str:
    try:
        FULL_ADDRESS(text)
    except ValidationError:
        raise ValueError("This is no e-mail address.") from None
    return text


def _written_as_rfc_3339(value: Any) -> Any:
    # Pydantic alone would take a number for seconds since 1970.
    if not isinstance(value, datetime) and not _DATE_AND_TIME.match(str(value)):
        raise ValueError("Write a time such as 2026-07-14T18:00:00+02:00.")
    return value


def _in_our_times(at: datetime) -> datetime:
    if not 2000 <= at.year <= 2200:
        raise ValueError("Write a time between 2000 and 2200.")
    return at


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("Write a time zone such as Europe/Paris.")
    return name


def _charged(currency: str) -> str:
    if currency not in CHARGED:
        raise ValueError("Stripe charges in no such currency: eur, chf, usd … are some.")
    return currency


@cache
def _time_zones() -> set[str]:
    return available_timezones()


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(printable),
]
"""One line of 1 to 200 characters, without white space around it."""
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(printable),
]
PersonName = Annotated[Name, AfterValidator(_name)]
ContactName = Annotated[Line, AfterValidator(_name)]
OptionalLine = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    AfterValidator(printable),
]
OptionalName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=100),
    AfterValidator(printable),
]
Question = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    AfterValidator(printable),
]
OptionalQuestion = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=300),
    AfterValidator(printable),
]
Choices = Annotated[list[Line], Field(max_length=50)]
Consent = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(_printable_lines),
]
OptionalConsent = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2000),
    AfterValidator(_printable_lines),
]
Days = Annotated[int, Field(strict=True, ge=1, le=365)]
Lines = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=20_000),
    AfterValidator(_printable_lines),
]
Word = Annotated[str, StringConstraints(max_length=255), AfterValidator(printable)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(printable),
    AfterValidator(_email),
    Field(json_schema_extra={"format": "email"}),
]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_written_as_rfc_3339, json_schema_input_type=str),
    AfterValidator(_in_our_times),
    Field(description="RFC 3339, with offset.", json_schema_extra={"format": "date-time"}),
]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A time as we tell it, always in UTC."""
TimeZone = Annotated[str, AfterValidator(_time_zone), Field(description="Such as `Europe/Paris`.")]
Currency = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{3}$"), Field(description="ISO 4217, lower case.")
]
ChargedCurrency = Annotated[Currency, AfterValidator(_charged)]
Price = Annotated[
    int,
    Field(
        strict=True, ge=0, le=DEAREST, description="In the currency's minor unit: 1250 is 12.50 €."
    ),
]
OfferHours = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=LONGEST_OFFER_HOURS,
        description="How long whoever is offered a place from the waiting list has to take it.",
    ),
]
Capacity = Annotated[
    int, Field(strict=True, ge=0, le=MOST_PLACES, description="Places; null without limit.")
]
