"""One transaction's view of the registrations concerned: load, decide, write.

A ledger holds no connection. It says what to read, is fed the rows, applies reports through the
lifecycle in memory, and says what to write with set-based SQL. So the webhook lane (asynchronous,
in pipeline mode, hundreds at a time) and everything else (Django's connection, one at a time) go
through the very same rules and statements.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inscrit.sql import Statement, statements, with_rows

from . import lifecycle
from .lifecycle import (
    ClosedSession,
    Decision,
    Dispute,
    Fact,
    MailKind,
    MoveRequested,
    Offer,
    Option,
    Payment,
    Refund,
    RefundOrder,
    Registration,
)

SQL = statements(Path(__file__).parent / "sql" / "ledger.sql")
Row = Sequence[Any]


class Report(Struct, frozen=True):
    """A fact on its way to a registration.

    ``registration`` is the one that the reporter names; ``session`` and ``payment`` are Stripe's
    ids, by which we know better whose it is. ``actor`` says who reports.
    """

    fact: Fact
    actor: str
    registration: str | None = None
    session: str | None = None
    payment: str | None = None
    stripe_event: str = ""


class Entry(Struct, frozen=True):
    """What one report did: the registration before it and the decision."""

    report: Report
    before: Registration
    decision: Decision

    @property
    def became_paid(self) -> bool:
        paid = lifecycle.Status.PAID
        return self.decision.registration.status is paid and self.before.status is not paid


@dataclass(frozen=True, slots=True)
class Desk:
    """Who is told when a person has to look."""

    email: str
    locale: str


@dataclass(slots=True)
class Ledger:
    """See the module. ``livemode`` is the mode of our Stripe key, None if there is none."""

    livemode: bool | None = None
    desk: Desk | None = None
    entries: list[Entry] = field(default_factory=list)
    _registrations: dict[str, Registration] = field(default_factory=dict)
    _offers: dict[str, Offer] = field(default_factory=dict)
    _loaded_registrations: dict[str, Registration] = field(default_factory=dict)
    _loaded_offers: dict[str, Offer] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    _facts: list[Fact] = field(default_factory=list)
    _destinations: set[str] = field(default_factory=set)

    def locking(self, reports: Iterable[Report]) -> Statement:
        """The first statement: locks every registration concerned, in the order of their ids."""
        reports = list(reports)
        self._facts = [report.fact for report in reports]
        self._destinations = {
            fact.event_id for fact in self._facts if isinstance(fact, MoveRequested)
        }
        return Statement(
            SQL["lock_registrations"],
            {
                "registrations": [r.registration for r in reports if r.registration],
                "sessions": [r.session for r in reports if r.session],
                "payments": [r.payment for r in reports if r.payment],
            },
        )

    def reading(self, locked: Iterable[Row]) -> list[Statement]:
        """Take the locked rows; the statements to run next, in the order that ``take`` expects."""
        for row in locked:
            id_, event_id, status, method, amount, currency, places, review, refunded, *more = row
            ending, offered, promised, options, by_hand = more
            self._registrations[id_] = Registration(
                id_,
                event_id,
                lifecycle.Status(status),
                lifecycle.PaymentMethod(method),
                amount,
                currency,
                places,
                review=review,
                amount_refunded=refunded,
                cancelling=lifecycle.Resolution(ending) if ending else None,
                offered=offered,
                promised=promised,
                options=_options(options),
                by_hand=by_hand,
            )
        ids = {"registrations": list(self._registrations)}
        events = {registration.event_id for registration in self._registrations.values()}
        options = {id_ for one in self._registrations.values() for id_, _ in one.options}
        return [
            self._offered("read_events", events=sorted(events | self._destinations)),
            Statement(SQL["read_payments"], ids),
            Statement(SQL["read_sessions"], ids),
            Statement(SQL["read_refunds"], ids),
            Statement(SQL["read_disputes"], ids),
            *self._reading_options(options),
        ]

    def _reading_options(self, options: set[str]) -> Iterator[Statement]:
        """Nothing where nobody has any, as for most events."""
        destinations = sorted(self._destinations)
        if options or destinations:
            yield self._offered("read_options", options=sorted(options), destinations=destinations)
        if options and destinations:
            yield Statement(SQL["read_prices"], {"registrations": list(self._registrations)})

    def _offered(self, name: str, **ids: list[str]) -> Statement:
        """What is on offer: under lock where places may be given, until they are."""
        may_be_given = lifecycle.may_give_places(self._registrations.values(), self._facts)
        return Statement(SQL[name] + SQL["locked"] if may_be_given else SQL[name], ids)

    def take(
        self,
        events: Iterable[Row],
        payments: Iterable[Row],
        sessions: Iterable[Row],
        refunds: Iterable[Row],
        disputes: Iterable[Row],
        options: Iterable[Row] = (),
        prices: Iterable[Row] = (),
    ) -> None:
        """Take the rows of those statements; from here on reports can be applied."""
        for id_, capacity, confirmed, held, late_payment, cancelled, lost_dispute, *price in events:
            late = lifecycle.LatePayment(late_payment)
            lost = lifecycle.LostDispute(lost_dispute)
            places = (id_, capacity, confirmed, held)
            self._offers[id_] = Offer(*places, late, cancelled, lost, *price)
        for event_id, *option in options:
            offer = self._offers[event_id]
            self._offers[event_id] = replace(offer, options=(*offer.options, Option(*option)))
        for registration, *price in prices:
            known = self._registrations[registration]
            self._registrations[registration] = replace(
                known, prices=(*known.prices, (price[0], price[1]))
            )
        self._take_payments(payments, _refunds(refunds), _disputes(disputes))
        for registration, session, status in sessions:
            known = self._registrations[registration]
            if session is not None:
                self._owners[session] = registration
            if status == "open":
                self._registrations[registration] = replace(known, open_session=session)
            elif status == "opening":
                self._registrations[registration] = replace(known, opening=True)
        self._loaded_registrations = dict(self._registrations)
        self._loaded_offers = dict(self._offers)

    def _take_payments(
        self,
        payments: Iterable[Row],
        refunds: Mapping[str, tuple[Refund, ...]],
        disputes: Mapping[str, tuple[Dispute, ...]],
    ) -> None:
        by_registration: defaultdict[str, list[Payment]] = defaultdict(list)
        for registration, key, status, amount, currency, settles, returned, resolution in payments:
            self._owners[key] = registration
            payment = Payment(
                key,
                lifecycle.PaymentStatus(status),
                amount,
                currency,
                settles,
                returned,
                lifecycle.Resolution(resolution) if resolution else None,
                refunds.get(key, ()),
                disputes.get(key, ()),
            )
            by_registration[registration].append(payment)
        for id_, known in by_registration.items():
            self._registrations[id_] = replace(self._registrations[id_], payments=tuple(known))

    def apply(self, report: Report) -> Entry | None:
        """Decide on one report; None if it concerns no registration of ours."""
        entry = self.foresee(report)
        if entry is None:
            return None
        before, decision = entry.before, entry.decision
        self._registrations[before.id] = decision.registration
        self._offers[before.event_id] = decision.offer
        if decision.destination is not None:
            self._offers[decision.destination.event_id] = decision.destination
        for payment in decision.registration.payments:
            self._owners[payment.key] = before.id
        self.entries.append(entry)
        return entry

    def suppose_events_cancelled(self) -> None:
        """Only to foresee what would come of it: nothing of this is written."""
        self._offers = {id_: replace(offer, cancelled=True) for id_, offer in self._offers.items()}

    def foresee(self, report: Report) -> Entry | None:
        """What ``apply`` would decide; nothing is kept of it."""
        owner = self._owners.get(report.session or "") or self._owners.get(report.payment or "")
        before = self._registrations.get(owner or report.registration or "")
        if before is None:
            return None
        offer = self._offers[before.event_id]
        foreign = bool(owner and report.registration and owner != report.registration)
        decision = lifecycle.decide(
            before,
            offer,
            report.fact,
            livemode=self.livemode,
            foreign=foreign,
            destination=self._destination(report.fact),
        )
        return Entry(report, before, decision)

    def _destination(self, fact: Fact) -> Offer | None:
        return self._offers.get(fact.event_id) if isinstance(fact, MoveRequested) else None

    def writing(self) -> list[Statement]:
        """The statements that bring the database to what was decided; only what changed."""
        payments = list(self._changed_payments())
        refunds = [row for _, payment, known in payments for row in _new_refunds(payment, known)]
        return [
            with_rows(SQL[name], rows)
            for name, rows in (
                ("write_registrations", self._changed_registrations()),
                ("exchange_options", self._exchanged_options()),
                ("write_payments", [_payment_row(id_, payment) for id_, payment, _ in payments]),
                ("write_refunds", [row for row in refunds if row["number"]]),
                ("add_refunds", [row for row in refunds if not row["number"]]),
                ("write_disputes", [row for _, p, k in payments for row in _new_disputes(p, k)]),
                ("close_sessions", self._closed_sessions()),
                ("write_journal", self._journal()),
                ("queue_mails", self._mails()),
                ("order_refunds", self._orders()),
                ("end_sessions", self._sessions_to_end()),
                ("wake_parked", [{"key": p.key} for _, p, known in payments if known is None]),
                # Last, so that others wait for an event's row only until the commit.
                ("write_events", self._moved_places()),
                ("write_options", self._moved_options()),
            )
            if rows
        ]

    def _changed_registrations(self) -> list[dict[str, Any]]:
        became_paid = {entry.before.id for entry in self.entries if entry.became_paid}
        return [
            {
                "id": after.id,
                "event_id": after.event_id,
                "status": after.status,
                "review": after.review,
                "amount_refunded": after.amount_refunded,
                "cancelling": after.cancelling or "",
                "became_paid": id_ in became_paid,
            }
            for id_, after in self._registrations.items()
            if _row(after) != _row(self._loaded_registrations[id_])
        ]

    def _moved_places(self) -> list[dict[str, Any]]:
        return [
            {
                "id": id_,
                "confirmed": after.confirmed - self._loaded_offers[id_].confirmed,
                "held": after.held - self._loaded_offers[id_].held,
            }
            for id_, after in self._offers.items()
            if after != self._loaded_offers[id_]
        ]

    def _moved_options(self) -> list[dict[str, Any]]:
        return [
            {"id": after.id, "taken": after.taken - before.taken}
            for id_, offer in self._offers.items()
            for before, after in zip(self._loaded_offers[id_].options, offer.options, strict=True)
            if after != before
        ]

    def _exchanged_options(self) -> list[dict[str, Any]]:
        """From each option that was loaded to the one that has come in its place, step by step."""
        found: dict[str, dict[str, str]] = {}
        for entry in self.entries:
            if step := dict(entry.decision.exchanged):
                known = found.get(entry.before.id) or {id_: id_ for id_ in step}
                found[entry.before.id] = {was: step[now] for was, now in known.items()}
        return [
            {
                "registration_id": id_,
                "was": was,
                "now": now,
                "option_places": dict(self._registrations[id_].options),
            }
            for id_, pairs in found.items()
            for was, now in pairs.items()
        ]

    def _changed_payments(self) -> Iterator[tuple[str, Payment, Payment | None]]:
        """Each changed payment with its registration and what was loaded of it."""
        for id_, after in self._registrations.items():
            for payment in after.payments:
                known = self._loaded_registrations[id_].payment(payment.key)
                if payment != known:
                    yield id_, payment, known

    def _closed_sessions(self) -> list[dict[str, str]]:
        closed: Iterable[ClosedSession] = (
            session for entry in self.entries for session in entry.decision.closed
        )
        return [{"session": one.session, "status": one.status} for one in closed]

    def _journal(self) -> list[dict[str, Any]]:
        return [
            {
                "registration_id": entry.before.id,
                "from_status": entry.before.status,
                "to_status": entry.decision.registration.status,
                "reason": entry.decision.reason,
                "actor": entry.report.actor,
                "stripe_event": entry.report.stripe_event,
                "details": _details(entry),
            }
            for entry in self.entries
            if entry.decision.noted
        ]

    def _mails(self) -> list[dict[str, str | None]]:
        mails: Iterable[tuple[str, MailKind]] = (
            (entry.before.id, kind) for entry in self.entries for kind in entry.decision.mails
        )
        rows = (self._mail(id_, kind) for id_, kind in mails)
        return [row for row in rows if row is not None]

    def _mail(self, registration_id: str, kind: MailKind) -> dict[str, str | None] | None:
        if kind is not MailKind.ORGANISER_REVIEW:
            return {"registration_id": registration_id, "kind": kind}
        if self.desk is None:
            return None
        return {
            "registration_id": registration_id,
            "kind": kind,
            "recipient": self.desk.email,
            "locale": self.desk.locale,
        }

    def _orders(self) -> list[dict[str, Any]]:
        orders: Iterable[RefundOrder] = (
            order for entry in self.entries for order in entry.decision.refunds
        )
        return [{"payment": o.payment, "amount": o.amount, "reason": o.reason} for o in orders]

    def _sessions_to_end(self) -> list[dict[str, str]]:
        ending = {entry.before.id for entry in self.entries if entry.decision.ends_session}
        return [{"id": id_} for id_ in sorted(ending)]


def _options(stored: str | None) -> tuple[tuple[str, int], ...]:
    """How many places of which price option, as the registration's row has it."""
    if stored is None:
        return ()
    return tuple(sorted(msgspec.json.decode(stored, type=dict[str, int]).items()))


def _row(registration: Registration) -> tuple[object, ...]:
    return (
        registration.event_id,
        registration.status,
        registration.review,
        registration.amount_refunded,
        registration.cancelling,
    )


def _details(entry: Entry) -> dict[str, str]:
    """What the journal's own words can't tell: from where to where, or how much."""
    before, after = entry.before, entry.decision.registration
    if entry.decision.reason is lifecycle.Reason.MONEY_GIVEN_BACK:
        amount = after.amount_refunded - before.amount_refunded
        return {"amount": str(amount), "currency": after.currency}
    return (
        {} if after.event_id == before.event_id else {"from": before.event_id, "to": after.event_id}
    )


def _refunds(rows: Iterable[Row]) -> dict[str, tuple[Refund, ...]]:
    found: defaultdict[str, tuple[Refund, ...]] = defaultdict(tuple)
    for payment, amount, status, number, stripe_id, reason in rows:
        refund = Refund(amount, lifecycle.RefundStatus(status), number, stripe_id, reason)
        found[payment] = (*found[payment], refund)
    return found


def _disputes(rows: Iterable[Row]) -> dict[str, tuple[Dispute, ...]]:
    found: defaultdict[str, tuple[Dispute, ...]] = defaultdict(tuple)
    for payment, id_, status, amount in rows:
        dispute = Dispute(id_, lifecycle.DisputeStatus(status), amount)
        found[payment] = (*found[payment], dispute)
    return found


def _payment_row(registration_id: str, payment: Payment) -> dict[str, Any]:
    return {
        "registration_id": registration_id,
        "key": payment.key,
        "status": payment.status,
        "amount": payment.amount,
        "currency": payment.currency,
        "settles": payment.settles,
        "refund_ordered": payment.refund_ordered,
        "refunded": payment.refunded,
        "charge_refunded": payment.charge_refunded,
        "resolution": payment.resolution or "",
    }


def _new_refunds(payment: Payment, known: Payment | None) -> Iterator[dict[str, Any]]:
    """Refunds whose state is another now. What was only just ordered is written as an order."""
    before = known.refunds if known else ()
    for refund in payment.refunds:
        if refund in before or (refund.number is None and refund.stripe_id is None):
            continue
        yield {
            "number": refund.number,
            "payment": payment.key,
            "stripe_id": refund.stripe_id,
            "amount": refund.amount,
            "status": refund.status,
        }


def _new_disputes(payment: Payment, known: Payment | None) -> Iterator[dict[str, Any]]:
    before = known.disputes if known else ()
    for dispute in payment.disputes:
        if dispute not in before:
            yield {
                "id": dispute.id,
                "payment": payment.key,
                "status": dispute.status,
                "amount": dispute.amount,
            }
