"""One transaction's view of the registrations concerned: load, decide, write.

A ledger holds no connection. It says what to read, is fed the rows, applies reports through the
lifecycle in memory, and says what to write with set-based SQL. So the webhook lane (asynchronous,
in pipeline mode, hundreds at a time) and everything else (Django's connection, one at a time) go
through the very same rules and statements.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inscrit.sql import Statement, statements, with_rows

from . import lifecycle
from .lifecycle import (
    ClosedSession,
    Decision,
    Fact,
    MailKind,
    Offer,
    Payment,
    Reason,
    RefundOrder,
    Registration,
)

SQL = statements(Path(__file__).parent / "sql" / "ledger.sql")
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Report:
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


@dataclass(frozen=True, slots=True)
class Entry:
    """What one report did: the registration before it and the decision."""

    report: Report
    before: Registration
    decision: Decision

    @property
    def became_paid(self) -> bool:
        paid = lifecycle.Status.PAID
        return self.decision.registration.status is paid and self.before.status is not paid


@dataclass(slots=True)
class Ledger:
    """See the module. ``livemode`` is the mode of our Stripe key, None if there is none."""

    livemode: bool | None = None
    entries: list[Entry] = field(default_factory=list)
    _registrations: dict[str, Registration] = field(default_factory=dict)
    _offers: dict[str, Offer] = field(default_factory=dict)
    _loaded_registrations: dict[str, Registration] = field(default_factory=dict)
    _loaded_offers: dict[str, Offer] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def locking(reports: Iterable[Report]) -> Statement:
        """The first statement: locks every registration concerned, in the order of their ids."""
        reports = list(reports)
        return Statement(
            SQL["lock_registrations"],
            {
                "registrations": [r.registration for r in reports if r.registration],
                "sessions": [r.session for r in reports if r.session],
                "payments": [r.payment for r in reports if r.payment],
            },
        )

    def reading(self, locked: Iterable[Row]) -> list[Statement]:
        """Take the locked rows; the statements to run next: events, payments, sessions."""
        for row in locked:
            id_, event_id, status, method, amount, currency, places, review, refunded = row
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
            )
        ids = list(self._registrations)
        events = {registration.event_id for registration in self._registrations.values()}
        return [
            Statement(SQL["lock_events"], {"events": sorted(events)}),
            Statement(SQL["read_payments"], {"registrations": ids}),
            Statement(SQL["read_sessions"], {"registrations": ids}),
        ]

    def take(self, events: Iterable[Row], payments: Iterable[Row], sessions: Iterable[Row]) -> None:
        """Take the rows of the three statements; from here on reports can be applied."""
        for id_, capacity, confirmed, held, late_payment, cancelled in events:
            policy = lifecycle.LatePayment(late_payment)
            self._offers[id_] = Offer(id_, capacity, confirmed, held, policy, cancelled)
        by_registration: defaultdict[str, list[Payment]] = defaultdict(list)
        for registration, key, status, *rest in payments:
            self._owners[key] = registration
            by_registration[registration].append(
                Payment(key, lifecycle.PaymentStatus(status), *rest)
            )
        for id_, known in by_registration.items():
            self._registrations[id_] = replace(self._registrations[id_], payments=tuple(known))
        for registration, session, status in sessions:
            self._owners[session] = registration
            if status == "open":
                self._registrations[registration] = replace(
                    self._registrations[registration], open_session=session
                )
        self._loaded_registrations = dict(self._registrations)
        self._loaded_offers = dict(self._offers)

    def apply(self, report: Report) -> Entry | None:
        """Decide on one report; None if it concerns no registration of ours."""
        owner = self._owners.get(report.session or "") or self._owners.get(report.payment or "")
        before = self._registrations.get(owner or report.registration or "")
        if before is None:
            return None
        offer = self._offers[before.event_id]
        if owner and report.registration and owner != report.registration:
            decision = lifecycle.rejected(before, offer, Reason.OTHER_REGISTRATION)
        else:
            decision = lifecycle.decide(before, offer, report.fact, livemode=self.livemode)
        self._registrations[before.id] = decision.registration
        self._offers[before.event_id] = decision.offer
        for payment in decision.registration.payments:
            self._owners[payment.key] = before.id
        entry = Entry(report, before, decision)
        self.entries.append(entry)
        return entry

    def writing(self) -> list[Statement]:
        """The statements that bring the database to what was decided; only what changed."""
        return [
            with_rows(SQL[name], rows)
            for name, rows in (
                ("write_registrations", self._changed_registrations()),
                ("write_events", self._moved_places()),
                ("write_payments", self._changed_payments()),
                ("close_sessions", self._closed_sessions()),
                ("write_journal", self._journal()),
                ("queue_mails", self._mails()),
                ("order_refunds", self._refunds()),
            )
            if rows
        ]

    def _changed_registrations(self) -> list[dict[str, Any]]:
        became_paid = {entry.before.id for entry in self.entries if entry.became_paid}
        return [
            {
                "id": after.id,
                "status": after.status,
                "review": after.review,
                "amount_refunded": after.amount_refunded,
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

    def _changed_payments(self) -> list[dict[str, Any]]:
        return [
            {
                "registration_id": id_,
                "key": payment.key,
                "status": payment.status,
                "amount": payment.amount,
                "currency": payment.currency,
                "settles": payment.settles,
                "refund_ordered": payment.refund_ordered,
                "refunded": payment.refunded,
            }
            for id_, after in self._registrations.items()
            for payment in after.payments
            if payment != self._loaded_registrations[id_].payment(payment.key)
        ]

    def _closed_sessions(self) -> list[dict[str, str]]:
        closed: Iterable[ClosedSession] = (
            session for entry in self.entries for session in entry.decision.closed
        )
        return [{"session": one.session, "status": one.status} for one in closed]

    def _journal(self) -> list[dict[str, str]]:
        return [
            {
                "registration_id": entry.before.id,
                "from_status": entry.before.status,
                "to_status": entry.decision.registration.status,
                "reason": entry.decision.reason,
                "actor": entry.report.actor,
                "stripe_event": entry.report.stripe_event,
            }
            for entry in self.entries
            if entry.decision.noted
        ]

    def _mails(self) -> list[dict[str, str]]:
        mails: Iterable[tuple[str, MailKind]] = (
            (entry.before.id, kind) for entry in self.entries for kind in entry.decision.mails
        )
        return [{"registration_id": id_, "kind": kind} for id_, kind in mails]

    def _refunds(self) -> list[dict[str, Any]]:
        orders: Iterable[RefundOrder] = (
            order for entry in self.entries for order in entry.decision.refunds
        )
        return [{"payment": o.payment, "amount": o.amount, "reason": o.reason} for o in orders]


def _row(registration: Registration) -> tuple[object, ...]:
    return registration.status, registration.review, registration.amount_refunded
