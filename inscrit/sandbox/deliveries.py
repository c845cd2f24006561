"""Sending events to webhook endpoints: signed, again and again until the answer is 2xx.

https://docs.stripe.com/webhooks#retries. A redirect, a time-out and any other status are failures.
"""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial

import httptools
import msgspec
import structlog

from inscrit.sandbox.clock import Clock
from inscrit.sandbox.config import SandboxConfig
from inscrit.sandbox.faults import WHEN_QUEUED, WHEN_SENT, Fault, Faults
from inscrit.sandbox.feed import Feed
from inscrit.sandbox.outgoing import Outgoing
from inscrit.sandbox.signature import sign
from inscrit.sandbox.store import Store, StripeObject

log = structlog.get_logger("inscrit.sandbox")

AT_ONCE = 64
ANSWER_KEPT = 4096
TICK = 0.25


@dataclass(frozen=True)
class Delivery:
    id: int
    event: str
    endpoint: str
    attempts: int
    state: str

    @property
    def manual(self) -> bool:
        return self.state == "manual"


@dataclass(frozen=True)
class Answer:
    """What an endpoint said; no status means that it said nothing, and ``text`` why."""

    status: int | None
    text: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass
class Message:
    """One attempt as it goes over the wire, after whatever faults have been at it."""

    event: StripeObject
    secrets: list[str]
    timestamp: int
    copies: int = 1
    faults: list[str] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self.event), indent=2)

    def spoil(self, fault: Fault) -> None:
        self.faults.append(fault.kind)
        match fault.kind:
            case "duplicate":
                self.copies += fault.times
            case "wrong_secret":
                self.secrets = ["whsec_wrong_on_purpose"]
            case "stale_timestamp":
                self.timestamp -= int(fault.duration)
            case "live_mode":
                self.event["livemode"] = self.event["data"]["object"]["livemode"] = True
            case "wrong_amount":
                add_to_amounts(self.event["data"]["object"], fault.amount)
            case "wrong_currency":
                self.event["data"]["object"]["currency"] = fault.currency


AMOUNTS = ("amount", "amount_total", "amount_subtotal", "amount_received", "amount_captured")


def add_to_amounts(item: StripeObject, amount: int) -> None:
    for name in AMOUNTS:
        if item.get(name):
            item[name] += amount


class Deliveries:
    """The queue of deliveries, in the store, and the task that works through it."""

    def __init__(
        self, store: Store, clock: Clock, faults: Faults, feed: Feed, config: SandboxConfig
    ) -> None:
        self.store = store
        self.clock = clock
        self.faults = faults
        self.feed = feed
        self.config = config
        self.wake = asyncio.Event()
        self.sending: dict[int, asyncio.Task[None]] = {}
        self.waiting: dict[str, asyncio.Event] = {}
        self.outgoing = Outgoing()

    # Queueing: part of the transaction in which the event happens.

    def queue(self, event: StripeObject, endpoint: StripeObject) -> None:
        due, state = self.clock.now(), "waiting"
        faults = self.faults.for_event(WHEN_QUEUED, endpoint["id"], event["type"])
        for fault in faults:
            if fault.kind == "delay":
                due += fault.duration
            elif fault.kind == "drop":
                state = "dropped"
            else:
                self.hold_back_earlier(event, endpoint, fault.duration)
        self.insert(event["id"], endpoint["id"], state, None if state == "dropped" else due)

    def hold_back_earlier(
        self, event: StripeObject, endpoint: StripeObject, seconds: float
    ) -> None:
        """Reorder: whatever was queued for this endpoint in the same second comes after."""
        self.store.database.execute(
            "UPDATE delivery SET due = due + ? WHERE endpoint = ? AND attempts = 0 AND due > ?",
            (seconds, endpoint["id"], event["created"] - 1),
        )

    def insert(self, event: str, endpoint: str, state: str, due: float | None) -> int:
        cursor = self.store.database.execute(
            "INSERT INTO delivery (event, endpoint, state, due) VALUES (?, ?, ?, ?)",
            (event, endpoint, state, due),
        )
        return int(cursor.lastrowid or 0)

    def resend(self, event: str, endpoint: str) -> int:
        """Send once more by hand; the automatic retries go on as if nothing had been."""
        return self.insert(event, endpoint, "manual", self.clock.now())

    def forwarded(self, event: str, answer: Answer) -> None:
        """The Stripe CLI has passed an event on; nothing depends on it, but it can be seen."""
        with self.store.transaction():
            number = self.insert(event, "stripe listen", "forwarded", None)
            self.note(Delivery(number, event, "stripe listen", 0, "forwarded"), answer, [])
        self.feed.changed()

    # Sending.

    async def run(self) -> None:
        while True:
            for delivery in self.due():
                task = asyncio.create_task(self.attempt(delivery))
                self.sending[delivery.id] = task
                task.add_done_callback(partial(self.done, delivery.id))
            try:
                await asyncio.wait_for(self.wake.wait(), TICK)
            except TimeoutError:
                continue
            self.wake.clear()

    def done(self, number: int, _: asyncio.Task[None]) -> None:
        self.sending.pop(number, None)
        self.wake.set()

    async def close(self) -> None:
        for task in self.sending.values():
            task.cancel()
        await asyncio.gather(*self.sending.values(), return_exceptions=True)
        self.outgoing.close()

    def due(self) -> list[Delivery]:
        free = AT_ONCE - len(self.sending)
        rows = self.store.database.execute(
            "SELECT id, event, endpoint, attempts, state FROM delivery "
            "WHERE due <= ? ORDER BY due, id LIMIT ?",
            (self.clock.now(), free + len(self.sending)),
        ).fetchall()
        waiting = [row for row in rows if row[0] not in self.sending][:free]
        return [Delivery(*row) for row in waiting]

    async def attempt(self, delivery: Delivery) -> None:
        endpoint = self.store.get("webhook_endpoint", delivery.endpoint)
        event = self.store.get("event", delivery.event)
        if event is None or endpoint is None or endpoint["status"] != "enabled":
            self.give_up(delivery)
            return
        message = self.message(event, endpoint)
        answers = await asyncio.gather(
            *(self.post(endpoint["url"], message) for _ in range(message.copies))
        )
        self.record(delivery, message, answers)
        log.info(
            "webhook attempted",
            type=event["type"],
            event_id=event["id"],
            status=answers[0].status,
            attempt=delivery.attempts + 1,
        )

    def message(self, event: StripeObject, endpoint: StripeObject) -> Message:
        if endpoint["api_version"]:
            event["api_version"] = endpoint["api_version"]
        secrets = self.store.hidden(endpoint["id"])["secrets"]
        now = self.clock.real()
        usable = [
            each["secret"] for each in secrets if each["until"] is None or each["until"] > now
        ]
        message = Message(event, usable, int(now))
        for fault in self.faults.for_event(WHEN_SENT, endpoint["id"], event["type"]):
            message.spoil(fault)
        return message

    async def post(self, url: str, message: Message) -> Answer:
        body, started = message.body, time.monotonic()
        signed = headers(body, message.secrets, message.timestamp)
        try:
            reply = await self.outgoing.post(url, body, signed, self.config.webhook_timeout)
        except TimeoutError:
            return Answer(None, "no answer in time", time.monotonic() - started)
        except (OSError, ValueError, httptools.HttpParserError) as error:
            return Answer(None, str(error), time.monotonic() - started)
        text = reply.body[:ANSWER_KEPT].decode("utf-8", "replace")
        return Answer(reply.status, text, time.monotonic() - started)

    # What came of it.

    def record(self, delivery: Delivery, message: Message, answers: list[Answer]) -> None:
        good = all(answer.good for answer in answers)
        with self.store.transaction():
            for answer in answers:
                self.note(delivery, answer, message.faults)
            if good:
                self.finish(delivery, "delivered")
            else:
                self.postpone(delivery)
            self.count_pending(delivery.event)
        self.answered(delivery.event)

    def note(self, delivery: Delivery, answer: Answer, faults: list[str]) -> None:
        self.store.database.execute(
            "INSERT INTO attempt (delivery, at, seconds, status, answer, fault) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                delivery.id,
                self.clock.now(),
                answer.seconds,
                answer.status,
                answer.text,
                ", ".join(faults) or None,
            ),
        )

    def finish(self, delivery: Delivery, state: str) -> None:
        database = self.store.database
        database.execute(
            "UPDATE delivery SET state = ?, attempts = attempts + 1, due = NULL WHERE id = ?",
            ("resent" if delivery.manual else state, delivery.id),
        )
        if delivery.manual and state == "delivered":
            database.execute(
                "UPDATE delivery SET state = 'delivered' WHERE event = ? AND endpoint = ? "
                "AND state IN ('dropped', 'failed')",
                (delivery.event, delivery.endpoint),
            )

    def postpone(self, delivery: Delivery) -> None:
        delays = self.config.retry_delays
        if delivery.manual or delivery.attempts >= len(delays):
            self.finish(delivery, "failed")
            return
        self.store.database.execute(
            "UPDATE delivery SET attempts = attempts + 1, due = ? WHERE id = ?",
            (self.clock.now() + delays[delivery.attempts], delivery.id),
        )

    def give_up(self, delivery: Delivery) -> None:
        """The endpoint is gone or disabled: no further attempts of this event."""
        with self.store.transaction():
            self.finish(delivery, "failed")
        self.answered(delivery.event)

    def count_pending(self, event: str) -> None:
        self.store.database.execute(
            "UPDATE object SET body = json_set(body, '$.pending_webhooks', (SELECT count(*) "
            "FROM delivery WHERE event = ?1 AND state IN ('waiting', 'dropped', 'failed'))) "
            "WHERE id = ?1",
            (event,),
        )

    # Waiting for the first answer, as the checkout page does.

    def answered(self, event: str) -> None:
        self.feed.changed()
        waiter = self.waiting.get(event)
        if waiter and not self.unattempted(event):
            waiter.set()

    def unattempted(self, event: str) -> bool:
        row = self.store.database.execute(
            "SELECT 1 FROM delivery WHERE event = ? AND attempts = 0 AND due IS NOT NULL LIMIT 1",
            (event,),
        ).fetchone()
        return row is not None

    async def first_answer(self, event: str, patience: float) -> None:
        """Return once every endpoint has answered once, or after ``patience`` seconds."""
        if not self.unattempted(event):
            return
        waiter = self.waiting.setdefault(event, asyncio.Event())
        try:
            await asyncio.wait_for(waiter.wait(), patience)
        except TimeoutError:
            return
        finally:
            self.waiting.pop(event, None)


def headers(body: bytes, secrets: list[str], timestamp: int) -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": sign(body, secrets, timestamp),
        "Cache-Control": "no-cache",
        "Accept": "*/*; q=0.5, application/xml",
    }
