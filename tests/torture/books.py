"""Both sides' books at the end: what Stripe says, what our database says, what the mailbox has."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import stripe
from psycopg.rows import dict_row

from tests.acceptance.installation import STRIPE_KEY, Installation

Row = dict[str, Any]

TABLES = {
    "events": "SELECT * FROM events_event",
    "registrations": "SELECT * FROM registrations_registration",
    "journal": "SELECT * FROM registrations_journalentry",
    "sessions": "SELECT * FROM payments_checkoutsession",
    "payments": "SELECT * FROM payments_payment",
    "refunds": "SELECT r.*, p.registration_id FROM payments_refund r"
    " JOIN payments_payment p ON p.key = r.payment_id",
    "messages": "SELECT * FROM mail_message",
    "inbox": "SELECT id, type, outcome, reason, registration_id FROM webhooks_stripeevent",
    "jobs": "SELECT id, task_name, status, args::text, scheduled_at > now() AS later"
    " FROM procrastinate_jobs",
}


@dataclass(frozen=True)
class Money:
    """A succeeded payment in Stripe. Amounts in minor units."""

    intent: str
    registration: str
    amount: int
    currency: str
    refunded: int


@dataclass(frozen=True)
class Books:
    """Everything that the checks compare."""

    money: list[Money]
    acknowledged: set[str]
    attempts: Counter[str]
    mails: Counter[str]
    tables: dict[str, list[Row]]

    def __getitem__(self, table: str) -> list[Row]:
        return self.tables[table]

    def by_registration(self, table: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {row["id"]: [] for row in self["registrations"]}
        for row in self[table]:
            found.setdefault(row["registration_id"], []).append(row)
        return found


def read(installation: Installation) -> Books:
    deliveries = all_deliveries(installation)
    attempts = [(d["event"], attempt["status"]) for d in deliveries for attempt in d["attempts"]]
    return Books(
        money=_money(installation),
        acknowledged={event for event, status in attempts if status == httpx.codes.OK},
        attempts=Counter(str(status or "no answer") for _, status in attempts),
        mails=_mails(installation),
        tables=_tables(installation),
    )


def all_deliveries(installation: Installation) -> list[Row]:
    """Every delivery of the sandbox with its attempts, the newest first."""
    found: list[Row] = []
    with httpx.Client(base_url=installation.sandbox, timeout=30) as http:
        while True:
            before = {"before": found[-1]["id"]} if found else {}
            page = http.get("/sandbox/deliveries", params=before).raise_for_status().json()
            if not page:
                return found
            found += page


def _money(installation: Installation) -> list[Money]:
    client = stripe.StripeClient(
        STRIPE_KEY, base_addresses={"api": installation.sandbox}, max_network_retries=2
    )
    listed = client.v1.payment_intents.list({"limit": 100, "expand": ["data.latest_charge"]})
    return [
        Money(
            intent.id,
            intent.metadata.to_dict().get("registrationId", "") if intent.metadata else "",
            intent.amount_received or 0,
            intent.currency,
            getattr(intent.latest_charge, "amount_refunded", 0),
        )
        for intent in listed.auto_paging_iter()
        if intent.status == "succeeded"
    ]


def _mails(installation: Installation) -> Counter[str]:
    """How many mails came with each Message-ID."""
    every = httpx.get(f"{installation.mailbox}/mails.json", timeout=60).raise_for_status().json()
    return Counter(mail["message_id"] for mail in every)


def _tables(installation: Installation) -> dict[str, list[Row]]:
    with psycopg.connect(installation.database.get_uri(), row_factory=dict_row) as connection:
        return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}
