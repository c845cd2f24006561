"""Everything that stands in the database and at Stripe, and whether it is as it must be."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

Row = dict[str, Any]

TABLES = {
    "events": ("events_event", "created_at, id"),
    "registrations": ("registrations_registration", "created_at, id"),
    "sessions": ("payments_checkoutsession", "id"),
    "payments": ("payments_payment", "created_at, key"),
    "refunds": ("payments_refund", "id"),
    "disputes": ("payments_dispute", "created_at, id"),
    "journal": ("registrations_journalentry", "id"),
    "messages": ("mail_message", "id"),
    "inbox": ("webhooks_stripeevent", "received_at, id"),
}
READ = "SELECT json_build_object({})".format(
    ", ".join(
        f"'{name}', (SELECT coalesce(json_agg(t ORDER BY {order}), '[]') FROM {table} AS t)"
        for name, (table, order) in TABLES.items()
    )
)
HOLDING = ("PENDING", "PROCESSING")
CONFIRMED = ("PAID", "FREE")
# Whoever has the money of such a dispute, it is not ours.
WITHDRAWN = (
    "needs_response",
    "under_review",
    "appeal_needs_response",
    "appeal_under_review",
    "lost",
)
# The only ways out of PAID.
ENDS = {
    "refund_received",
    "refund_under_way",
    "dispute_lost",
    "cancelled_by_request",
    "cancelled_without_refund",
    "event_cancelled",
}


@dataclass(frozen=True, slots=True)
class Books:
    """The database, row by row."""

    events: list[Row]
    registrations: list[Row]
    sessions: list[Row]
    payments: list[Row]
    refunds: list[Row]
    disputes: list[Row]
    journal: list[Row]
    messages: list[Row]
    inbox: list[Row]

    @classmethod
    def read(cls) -> "Books":
        with connection.cursor() as cursor:
            cursor.execute(READ)
            (found,) = cursor.fetchone()
        return cls(**(json.loads(found) if isinstance(found, str) else found))

    def registration(self, id_: str) -> Row:
        return next(row for row in self.registrations if row["id"] == id_)

    def event_of(self, registration: Row) -> Row:
        return next(row for row in self.events if row["id"] == registration["event_id"])

    def payment(self, key: str) -> Row | None:
        return next((row for row in self.payments if row["key"] == key), None)

    def disputed(self, key: str, *statuses: str) -> int:
        """The sum of a payment's disputes of these states."""
        rows = (row for row in self.disputes if row["payment_id"] == key)
        return sum(int(row["amount"]) for row in rows if row["status"] in statuses)

    def is_with_the_bank(self, key: str) -> bool:
        rows = (row for row in self.disputes if row["payment_id"] == key)
        return any(row["status"] in WITHDRAWN for row in rows)

    # What must hold at every moment.

    def check(self, before: "Books | None" = None) -> None:
        self._no_oversell()
        self._once()
        self._no_money_without_a_place()
        self._no_place_without_money()
        self._every_change_is_explained(before)

    def _no_oversell(self) -> None:
        places: Counter[tuple[str, str]] = Counter()
        for row in self.registrations:
            counter = {**dict.fromkeys(HOLDING, "held"), **dict.fromkeys(CONFIRMED, "confirmed")}
            if row["status"] in counter:
                places[row["event_id"], counter[row["status"]]] += row["places"]
        for event in self.events:
            assert event["held"] == places[event["id"], "held"], event
            assert event["confirmed"] == places[event["id"], "confirmed"], event
            capacity = event["capacity"]
            assert capacity is None or event["held"] + event["confirmed"] <= capacity, event

    def _once(self) -> None:
        settling = Counter(row["registration_id"] for row in self.payments if row["settles"])
        confirmed = [row for row in self.messages if row["kind"] == "confirmed"]
        mails = Counter(row["registration_id"] for row in confirmed)
        for row in self.registrations:
            assert settling[row["id"]] <= 1, row
            assert mails[row["id"]] <= 1, row
            if row["status"] in CONFIRMED:
                assert mails[row["id"]] == 1, row

    def _no_money_without_a_place(self) -> None:
        for payment in self.payments:
            if payment["status"] != "succeeded":
                continue
            registration = self.registration(payment["registration_id"])
            whole = payment["amount"] <= payment["refund_ordered"] + self.disputed(
                payment["key"], "lost"
            )
            assert (
                _seats(payment, registration)
                or whole
                or self.is_with_the_bank(payment["key"])
                or registration["review"]
                or payment["resolution"]
            ), (payment, registration)

    def _no_place_without_money(self) -> None:
        """Whoever is PAID stands on money that is there, or that a person has decided on."""
        for row in self.registrations:
            if row["status"] != "PAID" or row["payment_method"] != "stripe":
                continue
            (money,) = (
                p for p in self.payments if p["registration_id"] == row["id"] and p["settles"]
            )
            assert money["status"] == "succeeded", (row, money)
            same = (money["amount"], money["currency"]) == (row["amount"], row["currency"])
            assert same or money["resolution"] == "accept", (row, money)
            lost = self.disputed(money["key"], "lost")
            if money["refunded"] + lost >= money["amount"]:
                assert lost, (row, money)
                assert self.event_of(row)["lost_dispute"] == "review", (row, money)

    def _every_change_is_explained(self, before: "Books | None") -> None:
        if before is not None:
            assert self.journal[: len(before.journal)] == before.journal
        lines = defaultdict(list)
        for entry in self.journal:
            lines[entry["registration_id"]].append(entry)
        for row in self.registrations:
            status = ""
            for entry in lines[row["id"]]:
                assert entry["from_status"] == status, lines[row["id"]]
                if status == "PAID" and entry["to_status"] != "PAID":
                    assert entry["reason"] in ENDS, entry
                status = entry["to_status"]
            assert status == row["status"], (row, lines[row["id"]])

    # What must hold when all is quiet.

    def check_the_end(self, given_up: Collection[str]) -> None:
        """``given_up``: registrations whose cancellation was answered for."""
        for event in self.events:
            if event["status"] == "cancelled":
                assert event["confirmed"] == event["held"] == 0, event
        for row in self.registrations:
            if row["id"] in given_up:
                assert row["status"] not in (*HOLDING, *CONFIRMED), row
            self._buyer_was_told(row)

    def _buyer_was_told(self, row: Row) -> None:
        mails = {m["kind"] for m in self.messages if m["registration_id"] == row["id"]}
        # Why it lost its places; without any, a cancelled event only sends its money back.
        seated = (*HOLDING, *CONFIRMED)
        entries = [e for e in self.journal if e["registration_id"] == row["id"]]
        reasons = {e["reason"] for e in entries if e["from_status"] in seated}
        if row["status"] == "REFUNDED":
            assert mails & {"refunded", "late_refunded", "cancelled"}, row
        if reasons & {"cancelled_by_request", "event_cancelled", "cancelled_without_refund"}:
            assert "cancelled" in mails, row
        if row["status"] == "EXPIRED":
            assert "expired" in mails, row
        if row["status"] == "FAILED":
            assert "payment_failed" in mails, row


def _seats(payment: Row, registration: Row) -> bool:
    same = (payment["amount"], payment["currency"]) == (
        registration["amount"],
        registration["currency"],
    )
    return registration["status"] == "PAID" and payment["settles"] and same


@dataclass(frozen=True, slots=True)
class Account:
    """What Stripe knows of the money, to be compared with our books when all is quiet."""

    charges: list[Row]
    refunds: list[Row]
    sessions: list[Row]
    disputes: list[Row]
    forged: frozenset[str]

    def check(self, books: Books) -> None:
        self._every_payment_is_accounted_for(books)
        self._refunds_were_made_once(books)
        self._nobody_waits(books)
        self._what_we_show_is_so(books)

    @property
    def _paid(self) -> Iterator[Row]:
        return (charge for charge in self.charges if charge["paid"])

    def _every_payment_is_accounted_for(self, books: Books) -> None:
        for charge in self._paid:
            ours = books.payment(charge["payment_intent"])
            assert ours, charge
            assert ours["status"] == "succeeded", ours
            registration = books.registration(ours["registration_id"])
            dispute = [d for d in self.disputes if d["charge"] == charge["id"]]
            assert (
                _seats(ours, registration)
                or charge["refunded"]
                or any(d["status"] in WITHDRAWN for d in dispute)
                or registration["review"]
                or ours["resolution"]
            ), (charge, ours, registration)

    def _refunds_were_made_once(self, books: Books) -> None:
        numbers = Counter(
            refund["metadata"]["refundNumber"] for refund in self.refunds if refund["metadata"]
        )
        assert all(times == 1 for times in numbers.values()), numbers
        made = {refund["id"]: refund for refund in self.refunds}
        for row in books.refunds:
            assert row["status"] != "ordered", row
            if row["stripe_id"] is None:
                assert row["status"] == "failed", row
                continue
            refund = made.pop(row["stripe_id"])
            states = {"canceled": "failed", "requires_action": "pending"}
            assert row["status"] == states.get(refund["status"], refund["status"]), (row, refund)
            assert row["amount"] == refund["amount"], (row, refund)
        assert not made, made

    def _nobody_waits(self, books: Books) -> None:
        for row in books.registrations:
            assert row["status"] not in HOLDING, row
        assert all(session["status"] != "open" for session in self.sessions)
        for row in books.sessions:
            assert row["status"] not in ("opening", "open"), row
        for row in books.inbox:
            assert row["outcome"] != "failed", row
        for row in books.messages:
            # Whoever has paid by then is not told that they have to.
            needless = row["kind"] == "registered" and row["state"] == "dropped"
            assert row["state"] == "sent" or needless, row

    def _what_we_show_is_so(self, books: Books) -> None:
        by_registration: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for charge in self._paid:
            ours = books.payment(charge["payment_intent"])
            assert ours
            lost = sum(
                d["amount"]
                for d in self.disputes
                if d["charge"] == charge["id"] and d["status"] == "lost"
            )
            by_registration[ours["registration_id"]].append(
                (charge["amount"], min(charge["amount"], charge["amount_refunded"] + lost))
            )
            if charge["payment_intent"] not in self.forged:
                assert ours["amount"] == charge["amount"], (ours, charge)
                assert ours["currency"] == charge["currency"], (ours, charge)
            assert ours["refunded"] == charge["amount_refunded"], (ours, charge)
        for id_, money in by_registration.items():
            row = books.registration(id_)
            if len(money) == 1 and not self.forged:
                assert row["amount_refunded"] == money[0][1], (row, money)
            if row["status"] == "REFUNDED" and not row["review"]:
                assert all(paid == back for paid, back in money), (row, money)
