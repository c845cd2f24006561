"""Telling what Stripe says to the lifecycle, and finding out what was new to us.

There is no second set of rules: a difference is whatever the lifecycle would change. A dry run
rolls it back.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.db import OperationalError, transaction

from inscrit.jobs import in_database
from inscrit.registrations import services
from inscrit.registrations.ledger import Entry, Report
from inscrit.registrations.lifecycle import (
    ChargeRefunded,
    CheckoutCompleted,
    CheckoutExpired,
    DelayedPaymentFailed,
    DisputeChanged,
    Fact,
    Outcome,
    PaymentAttemptFailed,
    PaymentSucceeded,
    RefundChanged,
    Registration,
)
from inscrit.webhooks.services import changes

from .findings import Finding, Kind, Result
from .window import Window

ACTOR = "reconciliation"
# How many seconds a webhook may take: what arrives by itself meanwhile was never missed.
ON_ITS_WAY = 5.0
OURS = "reg-"
KINDS: dict[type[Any], Kind] = {
    CheckoutCompleted: Kind.PAYMENT_MISSED,
    PaymentSucceeded: Kind.PAYMENT_MISSED,
    DelayedPaymentFailed: Kind.PAYMENT_FAILURE_MISSED,
    PaymentAttemptFailed: Kind.PAYMENT_FAILURE_MISSED,
    CheckoutExpired: Kind.EXPIRY_MISSED,
    ChargeRefunded: Kind.REFUND_MISSED,
    RefundChanged: Kind.REFUND_MISSED,
    DisputeChanged: Kind.DISPUTE_MISSED,
}
log = structlog.get_logger()


def is_ours(registration: str | None) -> bool:
    """Whether this may be a registration's id. Another application has references of its own."""
    return registration is not None and registration.startswith(OURS)


@dataclass(slots=True)
class Comparison:
    """One comparison under way.

    ``seen`` are the ids of what was met while listing, ``told_before`` the keys of what earlier
    comparisons could not put right. ``awaits_webhooks`` while it looks at what has just happened.
    """

    window: Window
    dry_run: bool = False
    told_before: frozenset[tuple[str, str]] = frozenset()
    awaits_webhooks: bool = True
    checked: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    _findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    _concerned: set[str] = field(default_factory=set)

    @property
    def findings(self) -> list[Finding]:
        return list(self._findings.values())

    def concerns(self, registration: str) -> bool:
        """Whether something has been found about this registration."""
        return registration in self._concerned

    def owner(self, payment: str) -> str | None:
        """Whose payment this is, if it was missed: a dry run has not recorded it."""
        missed = self._findings.get((Kind.PAYMENT_MISSED, payment))
        return missed.registration if missed else None

    def found(self, finding: Finding) -> None:
        """Note a difference. More of the same is added to what was noted first.

        A session that was left open goes with whatever else was missed of its registration. A dry
        run meets the same difference on several ways, because it heals none.
        """
        if finding.kind is Kind.SESSION_NOT_CLOSED and self.concerns(finding.registration):
            return
        self._concerned.add(finding.registration)
        known = finding.result is Result.OPEN and finding.key in self.told_before
        finding = replace(finding, known=known)
        first = self._findings.setdefault(finding.key, finding)
        if first is finding or self.dry_run:
            return
        worst = first if first.needs_person else finding
        self._findings[finding.key] = replace(
            finding, ours=first.ours, done=first.done + finding.done, result=worst.result
        )

    async def tell(self, reports: Sequence[Report]) -> None:
        """Tell the lifecycle what Stripe says, all in one transaction.

        Stripe lists a payment before its webhook is here: what would be news is told a moment
        later, and is a difference only if it is news still.
        """
        if not reports:
            return
        if self.awaits_webhooks and await in_database(_any_news, reports):
            await webhooks_under_way()
        await in_database(self._tell, reports)

    def _tell(self, reports: Sequence[Report]) -> None:
        try:
            with transaction.atomic():
                entries = services.report(*reports)
                transaction.set_rollback(self.dry_run)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - logged there, for the one that failed
            self._tell_apart(reports, error)
            return
        for report, entry in zip(reports, entries, strict=True):
            self.note(report, entry)

    def _tell_apart(self, reports: Sequence[Report], error: Exception) -> None:
        """One that can't be applied must not hold up the others."""
        if len(reports) > 1:
            for report in reports:
                self._tell([report])
            return
        (report,) = reports
        subject, stripe = subject_of(report.fact), side_of(report.fact)
        log.error("❌ What Stripe says could not be applied", subject=subject, exc_info=error)
        self.found(
            Finding(
                Kind.NOT_APPLIED, subject, report.registration or "", stripe, result=Result.OPEN
            )
        )

    def note(self, report: Report, entry: Entry | None) -> None:
        """See whether a report was news."""
        if entry is None:
            self._note_unknown(report)
        elif _is_news(entry):
            self.found(_finding(report.fact, entry))

    def _note_unknown(self, report: Report) -> None:
        """Money that names a registration which does not exist here."""
        fact = report.fact
        if is_ours(report.registration) and isinstance(fact, CheckoutCompleted | PaymentSucceeded):
            self.found(
                Finding(
                    Kind.UNKNOWN_REGISTRATION,
                    subject_of(fact),
                    report.registration or "",
                    side_of(fact),
                    result=Result.OPEN,
                )
            )


async def webhooks_under_way() -> None:
    """Give them the time to arrive."""
    await asyncio.sleep(ON_ITS_WAY)


def _any_news(reports: Sequence[Report]) -> bool:
    try:
        entries = services.foresee(*reports)
    except OperationalError:
        raise
    except Exception:  # noqa: BLE001 - logged when it is told
        return True
    return any(entry is not None and _is_news(entry) for entry in entries)


def _is_news(entry: Entry) -> bool:
    return entry.decision.registration != entry.before


def _finding(fact: Fact, entry: Entry) -> Finding:
    before, after = entry.before, entry.decision.registration
    kind = KINDS[type(fact)]
    if entry.decision.outcome is Outcome.REJECTED:
        kind = Kind.PAYMENT_REJECTED
    elif entry.decision.closed and _money_of(before) == _money_of(after):
        kind = Kind.SESSION_NOT_CLOSED
    flagged = after.review is not None and after.review != before.review
    return Finding(
        kind,
        subject_of(fact),
        before.id,
        side_of(fact, before.currency),
        {
            "status": str(before.status),
            "refunded": before.amount_refunded,
            "currency": before.currency,
        },
        Result.FLAGGED if flagged else Result.HEALED,
        tuple(changes(entry)),
    )


def _money_of(registration: Registration) -> tuple[object, ...]:
    return registration.status, registration.payments


def subject_of(fact: Fact) -> str:
    """Stripe's id of what a fact is about: the payment, where there is one."""
    if isinstance(fact, DisputeChanged):
        return fact.dispute
    payment = getattr(fact, "payment", None)
    return str(payment or getattr(fact, "session", None) or "")


def side_of(fact: Fact, currency: str = "") -> dict[str, Any]:
    """What Stripe says, in its own words; ``currency`` is the payment's."""
    match fact:
        case CheckoutCompleted():
            return {"status": "complete", "paid": fact.paid, **_money(fact.amount, fact.currency)}
        case PaymentSucceeded():
            return {"status": "succeeded", **_money(fact.amount, fact.currency)}
        case DelayedPaymentFailed():
            return {"status": "failed", **_money(fact.amount, fact.currency)}
        case CheckoutExpired():
            return {"status": "expired"}
        case RefundChanged() | DisputeChanged():
            return {"status": str(fact.status), **_money(fact.amount, currency)}
        case ChargeRefunded():
            return {"status": "refunded", **_money(fact.total, currency)}
    return {}


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}
