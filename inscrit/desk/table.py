"""The registrations as a table: its columns, and its rows one by one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TypeAlias
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inscrit.money import decimals
from inscrit.registrations.explanations import explain
from inscrit.registrations.models import Participant, Registration

from .asked import FETCHED, Asked

Cell: TypeAlias = str | int | Decimal | datetime | None
AT_ONCE = 1000


class Lines(Enum):
    """What a line stands for."""

    REGISTRATIONS = "registrations"
    PARTICIPANTS = "participants"


@dataclass(frozen=True, slots=True)
class Column:
    """``once`` is for what is of all its people together: a sum over lines must not repeat it."""

    title: Promise
    value: Callable[[Registration], Cell]
    width: int = 14
    once: bool = False


def _amount(amount: int, currency: str) -> Decimal:
    return Decimal(amount).scaleb(-decimals(currency))


def _local(at: datetime | None) -> datetime | None:
    """Spreadsheets know no time zones."""
    return at and timezone.localtime(at).replace(tzinfo=None)


def _in_its_zone(registration: Registration) -> datetime:
    event = registration.event
    return event.starts_at.astimezone(ZoneInfo(event.time_zone)).replace(tzinfo=None)


COLUMNS = (
    Column(_("number"), lambda r: r.pk, 26),
    Column(_("event"), lambda r: r.event.title, 28),
    Column(_("starts"), _in_its_zone, 17),
    Column(_("status"), lambda r: r.get_status_display(), 20),
    Column(_("name"), lambda r: r.contact_name, 24),
    Column(_("e-mail"), lambda r: r.contact_email, 28),
    Column(_("language"), lambda r: r.locale, 8),
    Column(_("places"), lambda r: r.places, 8, once=True),
    Column(_("amount"), lambda r: _amount(r.received.amount, r.received.currency), 10, once=True),
    Column(
        _("refunded"), lambda r: _amount(r.received.returned, r.received.currency), 10, once=True
    ),
    Column(_("currency"), lambda r: r.received.currency.upper(), 8),
    Column(_("payment"), lambda r: r.get_payment_method_display(), 18),
    Column(_("registered on"), lambda r: _local(r.created_at), 17),
    Column(_("paid on"), lambda r: _local(r.paid_at), 17),
    Column(_("to be looked at"), lambda r: str(explain(r.review).what) if r.review else "", 30),
)
MONEY = ("payments__disputes",)
PEOPLE = (_("participants"),)
PERSON = (_("last name"), _("first name"), _("price"))


NOTHING_ASKED = Asked()


def titles(lines: Lines, asked: Asked = NOTHING_ASKED) -> list[str]:
    more = PEOPLE if lines is Lines.REGISTRATIONS else PERSON
    own = [str(title) for title in (*(column.title for column in COLUMNS), *more)]
    return [*own, *asked.titles]


def widths(lines: Lines, asked: Asked = NOTHING_ASKED) -> list[int]:
    more = [40] if lines is Lines.REGISTRATIONS else [20, 20, 10]
    return [*(column.width for column in COLUMNS), *more, *(24 for _title in asked.titles)]


def rows(
    registrations: QuerySet[Registration], lines: Lines, asked: Asked = NOTHING_ASKED
) -> Iterator[list[Cell]]:
    """Some hundreds at a time are in memory, however many there are."""
    fetched = (*MONEY, *(FETCHED if asked.titles else ("participants",)))
    chosen = registrations.select_related("event").prefetch_related(*fetched)
    for registration in chosen.iterator(chunk_size=AT_ONCE):
        cells = [column.value(registration) for column in COLUMNS]
        people = list(registration.participants.all())
        if lines is Lines.REGISTRATIONS:
            yield [*cells, ", ".join(map(str, people)), *asked.of_registration(registration)]
        else:
            for one in people:
                person = _person(one, registration)
                yield [*cells, *person, *asked.of_participant(one, registration)]
                cells = [
                    None if column.once else cell
                    for column, cell in zip(COLUMNS, cells, strict=True)
                ]


def _person(participant: Participant, registration: Registration) -> tuple[Cell, ...]:
    price = participant.price
    if price is None:  # it was registered when there was one price for everybody
        price = registration.amount // registration.places
    names = (participant.last_name, participant.first_name)
    return *names, _amount(price, registration.currency)
