"""What becomes of each Stripe event: decided in a batch, written down with its outcome."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from msgspec.structs import replace

from inscrit.monitoring import metrics, request_ids
from inscrit.registrations import story
from inscrit.registrations.ledger import Entry, Ledger, Report
from inscrit.registrations.lifecycle import (
    ChargeRefunded,
    DisputeChanged,
    Outcome,
    RefundChanged,
)
from inscrit.sql import Statement, statements, with_rows

from .notification import (
    CONFIRMING,
    HANDLED,
    Notification,
    Unreadable,
    object_id,
    report_of,
)

UNKNOWN_REGISTRATION = "unknown_registration"
UNKNOWN_PAYMENT = "unknown_payment"
NO_REGISTRATION_ID = "no_registration_id"
# Ours, or perhaps ours: what they name may only not have reached us yet.
PARKED = frozenset({UNKNOWN_REGISTRATION, UNKNOWN_PAYMENT})

SQL = statements(Path(__file__).parent / "sql" / "inbox.sql")
log = structlog.get_logger()
_OURS = re.compile(r"reg-[a-z0-9]{1,40}").fullmatch


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """A verified delivery. ``started`` is this process's monotonic clock at its first byte.

    ``actor`` brought it: Stripe's webhook, or we fetched it ourselves. ``request`` is what the log
    calls the request that it came with.
    """

    notification: Notification
    body: str
    secret: str
    started: float
    actor: str = "webhook"
    request: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one delivery."""

    received: Received
    outcome: Outcome
    reason: str
    report: Report | None = None
    entry: Entry | None = None
    repeated: bool = False

    @property
    def again(self) -> bool:
        """Whether it has to be applied again later: by our fault, or because it came too early."""
        return self.outcome is Outcome.FAILED or self.reason in PARKED


@dataclass(slots=True)
class Batch:
    """Deliveries that are committed together."""

    deliveries: Sequence[Received]
    reports: dict[str, Report | None] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def __post_init__(self) -> None:
        for received in self.deliveries:
            event = received.notification
            try:
                report = report_of(event)
            except Unreadable as error:
                self.unreadable[event.id] = str(error)
            else:
                if report and report.actor != received.actor:
                    report = replace(report, actor=received.actor)
                self.reports[event.id] = report

    def wanted(self) -> list[Report]:
        return [report for report in self.reports.values() if report is not None]

    def reading(self) -> Statement:
        """Which of these events are in the inbox already; to be run under the locks."""
        ids = sorted({received.notification.id for received in self.deliveries})
        return Statement(SQL["read_known"], {"ids": ids})

    def decide(self, ledger: Ledger, known: Iterable[Sequence[Any]]) -> None:
        """Give every delivery its verdict, in the order of their arrival."""
        seen = {row[0] for row in known}
        for received in self.deliveries:
            event_id = received.notification.id
            if event_id in seen:
                repeated = Verdict(received, Outcome.DUPLICATE, "seen_already", repeated=True)
                self.verdicts.append(repeated)
                continue
            seen.add(event_id)
            self.verdicts.append(self._decide_one(ledger, received))

    def _decide_one(self, ledger: Ledger, received: Received) -> Verdict:
        event_id = received.notification.id
        if event_id in self.unreadable:
            return Verdict(
                received, Outcome.REJECTED, self.unreadable[event_id][:200].replace("\0", "")
            )
        report = self.reports[event_id]
        if report is None:
            return Verdict(received, Outcome.IGNORED, "type_only_logged")
        try:
            entry = ledger.apply(report)
        except Exception as error:
            log.error(story.FAILURE, stripe_event=event_id, exc_info=error)
            return Verdict(received, Outcome.FAILED, type(error).__name__, report)
        if entry is None:
            return Verdict(received, Outcome.UNMATCHED, why_unmatched(report), report)
        decision = entry.decision
        return Verdict(received, decision.outcome, decision.reason, report, entry)

    def fail(self, reason: str) -> None:
        """Our own error: the event is kept, and tried again by a job."""
        (received,) = self.deliveries
        report = self.reports.get(received.notification.id)
        self.verdicts = [Verdict(received, Outcome.FAILED, reason[:200], report)]

    def writing(self) -> list[Statement]:
        """The inbox rows."""
        fresh = [verdict for verdict in self.verdicts if not verdict.repeated]
        again = Counter(v.received.notification.id for v in self.verdicts if v.repeated)
        again_later = [verdict for verdict in fresh if verdict.again]
        rows: Mapping[str, list[dict[str, Any]]] = {
            # In one order everywhere: two batches of the same events never wait for each other.
            "count_deliveries": [{"id": id_, "times": n} for id_, n in sorted(again.items())],
            "retry_later": [{"id": verdict.received.notification.id} for verdict in again_later],
        }
        other = [with_rows(SQL[name], some) for name, some in rows.items() if some]
        return [_storing(fresh), *other] if fresh else other

    def tell(self) -> None:
        """Log and count what was committed."""
        for verdict in self.verdicts:
            with request_ids.of(verdict.received.request):
                _tell(verdict)


def _label(type_: str) -> str:
    return type_ if type_ in HANDLED else "other"


for _type in (*sorted(HANDLED), _label("")):
    for _outcome in Outcome:  # at 0 from the start, so that the first one is seen
        metrics.STRIPE_EVENTS.labels(_type, _outcome)


def _storing(fresh: Sequence[Verdict]) -> Statement:
    query, rows = with_rows(SQL["store"], [_row(verdict) for verdict in fresh])
    return Statement(query, {**rows, "payloads": [v.received.body for v in fresh]})


def why_unmatched(report: Report) -> str:
    """Why a report found no registration.

    What is reported of a Checkout session or a PaymentIntent without our tag is another
    application's. Disputes and the Dashboard's refunds carry no tag: they may be ours.
    """
    if report.registration:
        return UNKNOWN_REGISTRATION
    if report.payment and isinstance(report.fact, ChargeRefunded | RefundChanged | DisputeChanged):
        return UNKNOWN_PAYMENT
    return NO_REGISTRATION_ID


def _row(verdict: Verdict) -> dict[str, Any]:
    event = verdict.received.notification
    matched = verdict.entry.before.id if verdict.entry else None
    named = verdict.report.registration if verdict.report else None
    return {
        "id": event.id,
        "type": event.type,
        "created": event.created,
        "livemode": event.livemode,
        "api_version": (event.api_version or "")[:64].replace("\0", ""),
        "object_id": object_id(event),
        "registration_id": matched or named or "",
        "payment_key": (verdict.report.payment if verdict.report else None) or "",
        "again": verdict.again,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "secret": verdict.received.secret,
        "duration_us": int((time.perf_counter() - verdict.received.started) * 1e6),
    }


def _tell(verdict: Verdict) -> None:
    event, outcome = verdict.received.notification, verdict.outcome
    named = _registration(verdict)
    about = {"registration": named} if named else {}
    log.info(
        f"🔔 Received Stripe event: {event.type}",
        stripe_event=event.id,
        outcome=str(outcome),
        **about,
    )
    metrics.STRIPE_EVENTS.labels(_label(event.type), outcome).inc()
    if verdict.repeated:
        return
    if event.type == "checkout.session.completed" and verdict.report:
        session = verdict.report.session
        log.info(f"✅ Checkout completed for session: {session}", stripe_event=event.id, **about)
    if verdict.entry:
        story.tell([verdict.entry])
        _count_delay(verdict)
    elif outcome is Outcome.REJECTED or _is_failure(verdict):
        log.warning(story.FAILURE, stripe_event=event.id, reason=verdict.reason)


def _registration(verdict: Verdict) -> str | None:
    """The one it concerns, if it is of our form: anybody may write anything into a reference."""
    named = verdict.report.registration if verdict.report else None
    named = verdict.entry.before.id if verdict.entry else named
    return named if named and _OURS(named) else None


def _is_failure(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.UNMATCHED and verdict.received.notification.type in CONFIRMING


def _count_delay(verdict: Verdict) -> None:
    entry = verdict.entry
    if entry and entry.decision.registration.confirmed > entry.before.confirmed:
        delay = time.time() - verdict.received.notification.created
        metrics.PAID_TO_CONFIRMED.observe(max(0.0, delay))
