"""What must hold when all is over. Each check compares the books and names every breach."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .books import Books, Money, Row

HOLDING = ("PENDING", "PROCESSING")
CONFIRMED = ("PAID", "FREE")


class Breach(NamedTuple):
    """``subject`` is the registration, or whatever else it is about."""

    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"


def find(books: Books) -> list[Breach]:
    return [breach for check in CHECKS for breach in check(books)]


def money_has_a_place(books: Books) -> Iterator[Breach]:
    """Every succeeded payment is seated, or has been returned, or a person is asked."""
    registrations = {row["id"]: row for row in books["registrations"]}
    payments = {row["key"]: row for row in books["payments"]}
    for money in books.money:
        registration = registrations.get(money.registration)
        if registration is None:
            yield Breach(money.registration, f"payment {money.intent} belongs to nobody")
        elif problem := _misplaced(money, registration, payments.get(money.intent)):
            yield Breach(money.registration, f"{problem} ({money})")


def _misplaced(money: Money, registration: Row, payment: Row | None) -> str | None:
    if registration["review"]:
        return None
    if payment is None:
        return "Stripe has a payment that we don't know of"
    if payment["refunded"] != money.refunded:
        return f"we count {payment['refunded']} as returned"
    seated = registration["status"] == "PAID" and payment["settles"]
    if money.refunded >= money.amount:
        return "PAID, though the money went back" if seated else None
    if not seated:
        return f"money without a place: the registration is {registration['status']}"
    wanted = (registration["amount"], registration["currency"])
    return None if wanted == (money.amount, money.currency) else f"paid for {wanted}"


def places_have_money(books: Books) -> Iterator[Breach]:
    received = {money.intent for money in books.money}
    payments = books.by_registration("payments")
    for registration in books["registrations"]:
        if registration["status"] == "PAID" and not any(
            payment["settles"] and payment["key"] in received
            for payment in payments[registration["id"]]
        ):
            yield Breach(registration["id"], "PAID, but Stripe has no such money")


def nothing_is_oversold(books: Books) -> Iterator[Breach]:
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in books["registrations"]:
        counted[row["event_id"]][row["status"]] += row["places"]
    for event in books["events"]:
        confirmed = sum(counted[event["id"]][status] for status in CONFIRMED)
        held = sum(counted[event["id"]][status] for status in HOLDING)
        if (event["confirmed"], event["held"]) != (confirmed, held):
            counters = (event["confirmed"], event["held"])
            yield Breach(event["id"], f"counters {counters}, sums {(confirmed, held)}")
        if confirmed + held > event["capacity"]:
            yield Breach(event["id"], f"oversold: {confirmed} + {held} of {event['capacity']}")


def a_cancelled_event_is_empty(books: Books) -> Iterator[Breach]:
    cancelled = {event["id"] for event in books["events"] if event["status"] == "cancelled"}
    for row in books["registrations"]:
        if row["event_id"] in cancelled and row["status"] in (*HOLDING, *CONFIRMED):
            yield Breach(row["id"], f"{row['status']}, though its event is cancelled")


def nothing_is_held(books: Books) -> Iterator[Breach]:
    for row in books["registrations"]:
        if row["status"] in HOLDING:
            yield Breach(row["id"], f"still {row['status']}")
    for row in books["sessions"]:
        if row["status"] in ("opening", "open"):
            yield Breach(row["registration_id"], f"its session is still {row['status']}")


def each_is_confirmed_once(books: Books) -> Iterator[Breach]:
    messages = books.by_registration("messages")
    journal = books.by_registration("journal")
    for registration in books["registrations"]:
        id_ = registration["id"]
        became = [e for e in journal[id_] if e["to_status"] == "PAID" != e["from_status"]]
        mails = [m for m in messages[id_] if m["kind"] == "confirmed"]
        if len(became) > 1:
            yield Breach(id_, f"became PAID {len(became)} times")
        if len(mails) != bool(became):
            yield Breach(id_, f"{len(mails)} confirmations, and it became PAID {len(became)} times")


def every_mail_arrived(books: Books) -> Iterator[Breach]:
    arrived = defaultdict(list)
    for message_id in books.mails:
        arrived[message_id.strip("<>").split(".")[0]].append(message_id)
    for message in books["messages"]:
        came = arrived.pop(str(message["id"]), [])
        if message["state"] != "sent" or len(came) != 1:
            told = f"the {message['kind']} mail is {message['state']}, {len(came)} arrived"
            subject = message["registration_id"] or f"message {message['id']}"
            yield Breach(subject, f"{told} ({message['error']})")
    for stray in arrived:
        yield Breach(stray, "a mail that is not in the outbox")


def no_job_is_left(books: Books) -> Iterator[Breach]:
    for job in books["jobs"]:
        # What comes every minute has a timestamp: its next turn may have begun meanwhile.
        if job["status"] in ("todo", "doing") and "timestamp" not in job["args"]:
            yield Breach(job["args"], f"the job {job['task_name']} is still {job['status']}")
    # Stripe refuses what has been given back by another way: then nobody is owed anything.
    owed = {money.intent for money in books.money if money.refunded < money.amount}
    flagged = {row["id"] for row in books["registrations"] if row["review"]}
    for refund in books["refunds"]:
        failed = refund["status"] == "failed" and refund["payment_id"] in owed
        if refund["status"] == "ordered" or (failed and refund["registration_id"] not in flagged):
            yield Breach(refund["registration_id"], f"its refund is {refund['status']}")


def what_was_acknowledged_is_kept(books: Books) -> Iterator[Breach]:
    inbox = {row["id"]: row for row in books["inbox"]}
    for event in books.acknowledged - inbox.keys():
        yield Breach(event, "answered 200, and not in the inbox")
    for row in inbox.values():
        if row["outcome"] == "failed":
            yield Breach(row["registration_id"], f"{row['type']} stays failed: {row['reason']}")


def every_change_is_explained(books: Books) -> Iterator[Breach]:
    """The journal's rows lead from one status to the next, up to the present one."""
    for id_, entries in books.by_registration("journal").items():
        status = ""
        for entry in sorted(entries, key=lambda entry: entry["id"]):
            if entry["from_status"] != status:
                yield Breach(id_, f"the journal jumps from {status} to {entry['from_status']}")
            status = entry["to_status"]
        present = next((r["status"] for r in books["registrations"] if r["id"] == id_), "unknown")
        if present != status:
            yield Breach(id_, f"is {present}, and its journal ends with {status}")


CHECKS: tuple[Callable[[Books], Iterator[Breach]], ...] = (
    money_has_a_place,
    places_have_money,
    nothing_is_oversold,
    nothing_is_held,
    a_cancelled_event_is_empty,
    each_is_confirmed_once,
    every_mail_arrived,
    no_job_is_left,
    what_was_acknowledged_is_kept,
    every_change_is_explained,
)


def promises(books: Books, promised: dict[str, str]) -> Iterator[Breach]:
    """Every registration that a buyer was told of is there, and each order is one registration."""
    known = {row["id"]: row for row in books["registrations"]}
    for id_ in promised.keys() - known.keys():
        yield Breach(id_, "promised to a buyer, and not there")
    # A checkout page that could not be opened cancels; the same order is then a new one.
    given_up = {
        entry["registration_id"]
        for entry in books["journal"]
        if entry["reason"] == "checkout_unavailable"
    }
    orders = Counter(row["contact_email"] for id_, row in known.items() if id_ not in given_up)
    for email, number in orders.items():
        if number > 1:
            yield Breach(email, f"one order became {number} registrations")
