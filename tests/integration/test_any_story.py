"""Any story that buyers, people, Stripe, time and trouble can tell ends well.

Hypothesis tells stories of the whole service against PostgreSQL and the sandbox. After every step
the invariants hold over the whole database; at the end everything is delivered and done, and every
payment at Stripe is accounted for. ``--hypothesis-profile=deep`` tells many and longer ones.
"""

import copy
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import httpx
import pytest
import stripe
import structlog
from django.utils import timezone
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inscrit import config, public_ids
from inscrit.jobs import in_database
from inscrit.monitoring import audit
from inscrit.payments import cancelling, stripe_gateway
from inscrit.registrations.lifecycle import LatePayment, LostDispute, Resolution

from .story.books import Account, Books
from .story.line import Call, Incident, Killed
from .story.service import SANDBOX, SWEEPS, Service, StripeObject

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
GOOD = "4242424242424242"
DECLINED = "4000000000000002"
SECURE = "4000002760003184"
SECURE_DECLINED = "4000008400001629"
REFUND_PENDS = "4000000000007726"
REFUND_FAILS = "4000000000005126"
DISPUTED = "4000000000000259"
INQUIRED = "4000000000001976"
DEBIT_COMES = "AT611904300234573201"
DEBIT_FAILS = "AT861904300235473202"

MINUTE, HOUR, DAY = 60, 3600, 86400
T = TypeVar("T")
which = st.integers(0, 5)
people = st.integers(1, 3)
cards = st.sampled_from([GOOD, GOOD, GOOD, REFUND_FAILS, REFUND_PENDS, DISPUTED, INQUIRED])
ibans = st.sampled_from([DEBIT_COMES, DEBIT_FAILS])
methods = st.sampled_from(["stripe", "stripe", "stripe", "cheque"])
PAID_BY = [{"card": GOOD}, {"card": REFUND_FAILS}, {"iban": DEBIT_COMES}, {"iban": DEBIT_FAILS}]
means = st.sampled_from([{"card": GOOD}, *PAID_BY])
perhaps = st.sampled_from([{}, {"card": GOOD}, *PAID_BY])


@dataclass(slots=True)
class Buyer:
    """Somebody who registered, with what they hold in their hands."""

    registration: str
    token: str
    order: dict[str, Any]
    event: str
    pages: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/registrations/{self.registration}"


def some(things: list[T], number: int) -> T:
    return things[number % len(things)]


class AnyStory(RuleBasedStateMachine):
    service: ClassVar[Service]
    log: ClassVar[list[dict[str, Any]]]
    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.service.begin()
        self.log.clear()
        self.buyers: list[Buyer] = []
        self.offers: list[str] = []
        self.forged: set[str] = set()
        self.forgeries = 0
        self.given_up: set[str] = set()
        self.lost: set[str] = set()
        self.books = Books.read()

    # What can be chosen from.

    def sessions(self, *statuses: str) -> list[str]:
        """Sessions whose address somebody was given."""
        handed = (session for buyer in self.buyers for session in buyer.pages)
        return [one for one in handed if self.at(one)["status"] in statuses]

    def at(self, session: str) -> StripeObject:
        found = self.service.object("checkout.session", session)
        assert found
        return found

    def challenged(self) -> list[str]:
        intents = self.service.objects("payment_intent")
        asked = [one["id"] for one in intents if one["status"] == "requires_action"]
        return [one for one in asked if self.service.sim.store.hidden(one).get("session")]

    def debits(self) -> list[str]:
        intents = self.service.objects("payment_intent")
        return [one["id"] for one in intents if one["status"] == "processing"]

    def charges(self) -> list[StripeObject]:
        return [one for one in self.service.objects("charge") if one["paid"]]

    def returnable(self) -> list[StripeObject]:
        return [one for one in self.charges() if not one["refunded"]]

    def undisputed(self) -> list[StripeObject]:
        return [one for one in self.returnable() if not one["disputed"]]

    def undecided(self) -> list[StripeObject]:
        return [
            one
            for one in self.service.objects("dispute")
            if one["status"] in ("needs_response", "under_review", "warning_needs_response")
        ]

    def published(self) -> list[str]:
        return [one["id"] for one in self.books.events if one["status"] == "published"]

    def by_status(self, *statuses: str) -> list[Buyer]:
        found = {row["id"]: row for row in self.books.registrations}
        return [b for b in self.buyers if found[b.registration]["status"] in statuses]

    def by_method(self, method: str) -> list[Buyer]:
        return [buyer for buyer in self.buyers if buyer.order["payment_method"] == method]

    def flagged(self) -> list[Buyer]:
        found = {row["id"]: row for row in self.books.registrations}
        return [buyer for buyer in self.buyers if found[buyer.registration]["review"]]

    # How things are done.

    def do(self, work: Coroutine[Any, Any, T]) -> T | None:
        try:
            return self.service.run(work)
        except Killed:
            note("… and was killed")
            return None

    def ask(
        self, method: str, path: str, body: Any = None, *, staff: bool = False, **headers: str
    ) -> httpx.Response | None:
        """A request; None if the process was killed under it. It must never fail by our fault."""
        return self.do(self._ask(method, path, body, staff=staff, **headers))

    async def _ask(
        self, method: str, path: str, body: Any = None, *, staff: bool = False, **headers: str
    ) -> httpx.Response:
        answer = await self.service.ask(method, path, body, staff=staff, **headers)
        honest = answer.status_code < 500 or "checkout_unavailable" in answer.text
        assert honest, (method, path, answer.status_code, answer.text)
        return answer

    # The organiser.

    @initialize(
        capacity=st.sampled_from([1, 2, 3, None]),
        late=st.sampled_from(LatePayment),
        lost=st.sampled_from(LostDispute),
        refund_until=st.sampled_from([None, timedelta(days=2), timedelta(days=-1)]),
        buyers=st.lists(st.tuples(st.sampled_from([1, 1, 2]), methods, perhaps), max_size=4),
    )
    def open_an_event(
        self,
        capacity: int | None,
        late: LatePayment,
        lost: LostDispute,
        refund_until: timedelta | None,
        buyers: list[tuple[int, str, dict[str, str]]],
    ) -> None:
        self._open_event(1000, "eur", capacity, late, lost, refund_until)
        for people, method, paid_by in buyers:
            self._register_and_pay(people, method, paid_by)

    @precondition(lambda self: len(self.offers) < 2 < len(self.buyers))
    @rule(
        price=st.sampled_from([1000, 0, 333]),
        currency=st.sampled_from(["eur", "jpy"]),
        capacity=st.sampled_from([1, 3]),
        late=st.sampled_from(LatePayment),
        lost=st.sampled_from(LostDispute),
    )
    def open_another_event(
        self, price: int, currency: str, capacity: int, late: LatePayment, lost: LostDispute
    ) -> None:
        self._open_event(price, currency, capacity, late, lost, timedelta(days=30))

    def _open_event(
        self,
        price: int,
        currency: str,
        capacity: int | None,
        late: LatePayment,
        lost: LostDispute,
        refund_until: timedelta | None,
    ) -> None:
        until = refund_until and (timezone.now() + refund_until).isoformat()
        answer = self.ask(
            "POST",
            "/api/v1/events",
            {
                "title": "Fête",
                "starts_at": "2029-07-03T14:00:00+02:00",
                "ends_at": "2029-07-03T19:00:00+02:00",
                "price": price,
                "currency": currency,
                "capacity": capacity,
                "status": "published",
                "late_payment": late,
                "lost_dispute": lost,
                "refund_until": until,
            },
            staff=True,
        )
        assert answer is not None
        assert answer.status_code == 201, answer.text
        self.offers.append(answer.json()["id"])

    @precondition(lambda self: len(self.buyers) > 2)
    @rule(number=which, capacity=st.sampled_from([0, 1, 2, 4, None]))
    def change_the_capacity(self, number: int, capacity: int | None) -> None:
        offer = some(self.offers, number)
        self.ask("PATCH", f"/api/v1/events/{offer}", {"capacity": capacity}, staff=True)

    @precondition(lambda self: self.charges() and self.published())
    @rule(number=which)
    def cancel_an_event(self, number: int) -> None:
        self.do(self._cancel_event(some(self.published(), number)))

    async def _cancel_event(self, event: str) -> None:
        await self._ask("POST", f"/api/v1/events/{event}/cancel", staff=True)

    # Buyers.

    @precondition(lambda self: len(self.buyers) < 6)
    @rule(
        number=which,
        people=people,
        method=methods,
        key=st.sampled_from(["", "one", "another"]),
    )
    def register(self, number: int, people: int, method: str, key: str) -> None:
        self._register(some(self.offers, number), people, method, key)

    @precondition(lambda self: len(self.buyers) < 6)
    @rule(people=people, paid_by=perhaps)
    def register_and_pay(self, people: int, paid_by: dict[str, str]) -> None:
        self._register_and_pay(people, "stripe", paid_by)

    def _register_and_pay(self, people: int, method: str, paid_by: dict[str, str]) -> None:
        buyer = self._register(self.offers[0], people, method, "")
        if buyer and paid_by:
            for session in buyer.pages:
                self.do(self._pay(session, **paid_by))

    def _register(self, event: str, people: int, method: str, key: str) -> Buyer | None:
        order = {
            "contact": {"name": "Camille Martin", "email": "camille@example.org", "locale": "fr"},
            "participants": [{"first_name": f"Lou {n}", "last_name": "M"} for n in range(people)],
            "payment_method": method,
        }
        headers: dict[str, Any] = {"Idempotency-Key": key} if key else {}
        answer = self.ask("POST", f"/api/v1/events/{event}/registrations", order, **headers)
        if answer is None or answer.status_code != 201:
            return None
        made = answer.json()
        known = [buyer for buyer in self.buyers if buyer.registration == made["id"]]
        buyer = known[0] if known else Buyer(made["id"], made["token"], order, event)
        if not known:
            self.buyers.append(buyer)
        self._given(buyer, made["checkout_url"] or "")
        return buyer

    def _given(self, buyer: Buyer, address: str) -> None:
        """The buyer was sent to this address."""
        session = address.rpartition("/")[2]
        if address.startswith(SANDBOX.origin) and session not in buyer.pages:
            buyer.pages.append(session)

    @precondition(lambda self: self.by_status("PENDING"))
    @rule(number=which)
    def go_to_pay_again(self, number: int) -> None:
        buyer = some(self.by_status("PENDING"), number)
        answer = self.ask("POST", f"{buyer.path}/pay?token={buyer.token}")
        if answer is not None:
            assert answer.status_code == 303
            self._given(buyer, answer.headers["location"])

    @precondition(lambda self: self.sessions("open"))
    @rule(number=which, card=cards)
    def pay(self, number: int, card: str) -> None:
        self.do(self._pay(some(self.sessions("open"), number), card=card))

    @precondition(lambda self: self.sessions("open"))
    @rule(number=which, card=st.sampled_from([DECLINED, SECURE, SECURE_DECLINED]))
    def try_to_pay(self, number: int, card: str) -> None:
        self.do(self._pay(some(self.sessions("open"), number), card=card))

    @precondition(lambda self: self.sessions("open"))
    @rule(number=which, iban=ibans)
    def pay_by_debit(self, number: int, iban: str) -> None:
        self.do(self._pay(some(self.sessions("open"), number), iban=iban))

    async def _pay(self, session: str, **means: str) -> None:
        await self.service.at_stripe(f"/sessions/{session}/pay", **means)

    @precondition(lambda self: self.sessions("expired", "complete"))
    @rule(number=which, paid_by=means)
    def pay_although_it_is_over(self, number: int, paid_by: dict[str, str]) -> None:
        """Another session of the same registration is paid: too late, or a second time."""
        over = some(self.sessions("expired", "complete"), number)
        self.do(self._pay(self.service.open_again(self.at(over)), **paid_by))

    @precondition(lambda self: self.challenged())
    @rule(number=which, passed=st.booleans())
    def answer_the_challenge(self, number: int, passed: bool) -> None:
        intent = some(self.challenged(), number)
        answer = "pass" if passed else "fail"
        self.do(self.service.sandbox.post(f"/c/challenge/{intent}", data={"answer": answer}))

    @precondition(lambda self: self.debits())
    @rule(number=which)
    def a_debit_is_settled(self, number: int) -> None:
        intent = some(self.debits(), number)
        self.do(self.service.at_stripe(f"/payment_intents/{intent}/settle"))

    @precondition(lambda self: any(buyer.pages for buyer in self.buyers))
    @rule(number=which, page=which)
    def come_back(self, number: int, page: int) -> None:
        buyer = some([buyer for buyer in self.buyers if buyer.pages], number)
        self.do(self._come_back(buyer, some(buyer.pages, page)))

    async def _come_back(self, buyer: Buyer, session: str) -> None:
        await self._ask("GET", f"{buyer.path}?token={buyer.token}&session_id={session}")

    @precondition(lambda self: self.by_status("PENDING", "PROCESSING", "PAID", "FREE"))
    @rule(number=which, staff=st.booleans())
    def cancel(self, number: int, staff: bool) -> None:
        buyer = some(self.by_status("PENDING", "PROCESSING", "PAID", "FREE"), number)
        self.do(self._cancel(buyer.registration, staff=staff))

    async def _cancel(self, registration: str, *, staff: bool) -> None:
        token = next((b.token for b in self.buyers if b.registration == registration), "")
        path = f"/api/v1/registrations/{registration}/cancel"
        answer = await self._ask("POST", path if staff else f"{path}?token={token}", staff=staff)
        now = answer.json()
        if now["status"] == "CANCELLED" or (staff and now["cancelling"]):
            self.given_up.add(registration)

    # The secretary.

    @precondition(lambda self: self.by_method("cheque"))
    @rule(number=which)
    def mark_paid(self, number: int) -> None:
        buyer = some(self.by_method("cheque"), number)
        self.ask("POST", f"/api/v1{buyer.path}/mark-paid", staff=True)
        self.given_up.discard(buyer.registration)

    @precondition(lambda self: self.charges())
    @rule(number=which, amount=st.sampled_from([None, 400, 1000]))
    def order_a_refund(self, number: int, amount: int | None) -> None:
        self.do(self._order_refund(some(self.buyers, number).registration, amount))

    async def _order_refund(self, registration: str, amount: int | None) -> None:
        body = {"amount": amount} if amount else None
        await self._ask("POST", f"/api/v1/registrations/{registration}/refund", body, staff=True)

    @precondition(lambda self: self.flagged())
    @rule(number=which, resolution=st.sampled_from(Resolution))
    def review(self, number: int, resolution: Resolution) -> None:
        buyer = some(self.flagged(), number)
        body = {"resolution": resolution}
        if resolution is Resolution.ACCEPT:
            self.given_up.discard(buyer.registration)
        self.ask("POST", f"/api/v1{buyer.path}/review", body, staff=True)

    # Stripe's Dashboard, and the banks.

    @precondition(lambda self: self.returnable())
    @rule(number=which, amount=st.sampled_from([None, 300]))
    def refund_in_the_dashboard(self, number: int, amount: int | None) -> None:
        charge = some(self.returnable(), number)
        said = {"amount": amount} if amount else {}
        self.do(self.service.at_stripe(f"/charges/{charge['id']}/refund", **said))

    @precondition(lambda self: self.undisputed())
    @rule(number=which, inquiry=st.booleans())
    def dispute(self, number: int, inquiry: bool) -> None:
        charge = some(self.undisputed(), number)
        self.do(self.service.at_stripe(f"/charges/{charge['id']}/dispute", inquiry=inquiry))

    @precondition(lambda self: self.undecided())
    @rule(number=which, verdict=st.sampled_from(["win", "lose"]))
    def decide_a_dispute(self, number: int, verdict: str) -> None:
        found = some(self.undecided(), number)
        self.do(self.service.at_stripe(f"/disputes/{found['id']}/{verdict}"))

    # Stripe's webhooks.

    @precondition(lambda self: self.service.undelivered())
    @rule(number=st.integers(0, 20), times=st.sampled_from([1, 1, 2]))
    def deliver(self, number: int, times: int) -> None:
        event = some(self.service.undelivered(), number)
        note(f"{event['type']} of {event['data']['object']['id']}")
        for _ in range(times):
            assert self.do(self.service.deliver(event)) == 200

    @precondition(lambda self: self.service.undelivered())
    @rule(last_first=st.booleans())
    def deliver_everything(self, last_first: bool) -> None:
        waiting = self.service.undelivered()
        for event in reversed(waiting) if last_first else waiting:
            assert self.do(self.service.deliver(event)) == 200

    @precondition(lambda self: self.service.sent())
    @rule(number=st.integers(0, 20))
    def deliver_again(self, number: int) -> None:
        assert self.do(self.service.deliver(some(self.service.sent(), number))) == 200

    @precondition(lambda self: self.books.inbox)
    @rule(number=st.integers(0, 20), dry_run=st.booleans())
    def replay(self, number: int, dry_run: bool) -> None:
        event = some([row["id"] for row in self.books.inbox], number)
        said = str(dry_run).lower()
        answer = self.ask(
            "POST", f"/api/v1/stripe-events/{event}/replay?dry_run={said}", staff=True
        )
        assert answer is not None
        assert answer.status_code == 200, answer.text

    @precondition(lambda self: self.paying())
    @rule(number=which, wrong=st.sampled_from(["amount", "currency", "mode"]))
    def deliver_what_is_wrong(self, number: int, wrong: str) -> None:
        """Stripe says another amount, currency or mode than was asked for."""
        event = copy.deepcopy(some(self.paying(), number))
        self.forgeries += 1
        event["id"] = f"evt_wrong_{self.forgeries}"
        thing = event["data"]["object"]
        if wrong == "mode":
            event["livemode"] = True
        elif wrong == "currency":
            thing["currency"] = "usd"
        else:
            for name in ("amount_total", "amount_received"):
                thing[name] = thing.get(name, 0) + 100
        if wrong != "mode":
            self.forged.add(thing.get("payment_intent") or thing["id"])
        assert self.do(self.service.deliver(event)) == 200
        self.reached[wrong] += 1

    def paying(self) -> list[StripeObject]:
        types = ("checkout.session.completed", "payment_intent.succeeded")
        return [one for one in self.service.objects("event") if one["type"] in types]

    # The worker.

    @precondition(lambda self: self.service.jobs())
    @rule(number=which)
    def do_a_job(self, number: int) -> None:
        id_, name, args = some(self.service.jobs(), number)
        note(f"{name} {args}")
        if self.do(self.service.work(name, args)):
            self.service.lose(id_)

    @precondition(lambda self: self.service.jobs())
    @rule(number=which)
    def lose_a_job(self, number: int) -> None:
        id_, name, _ = some(self.service.jobs(), number)
        self.lost.add(name)
        self.service.lose(id_)

    @precondition(lambda self: self.buyers)
    @rule(name=st.sampled_from(SWEEPS))
    def sweep(self, name: str) -> None:
        self.do(self.service.sweep(name))

    # Time and trouble.

    @precondition(lambda self: self.buyers)
    @rule(seconds=st.sampled_from([4, 5 * MINUTE, 33 * MINUTE, 33 * MINUTE, 25 * HOUR, 4 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.do(self.service.wait(seconds))

    @precondition(lambda self: self.sessions("open"))
    @rule(number=which)
    def a_session_expires(self, number: int) -> None:
        session = some(self.sessions("open"), number)
        self.do(self.service.at_stripe(f"/sessions/{session}/expire"))

    @precondition(lambda self: len(self.service.line.incidents) < 2)
    @rule(
        kind=st.sampled_from(["open", "end", "end", "refund", "read", "list refunds"]),
        moment=st.sampled_from(["before", "after"]),
        what=st.sampled_from(
            [
                "no answer",
                "killed",
                "pays",
                "delivered",
                "comes back",
                "registrant cancels",
                "staff cancels",
                "staff refunds",
                "Dashboard refunds",
                "disputed",
                "jobs done",
                "swept",
                "event cancelled",
            ]
        ),
    )
    def prepare_an_incident(self, kind: Any, moment: Any, what: str) -> None:
        deeds: dict[str, Callable[[Call], Coroutine[Any, Any, None]]] = {
            "no answer": self._no_answer,
            "killed": self._killed,
            "pays": self._pays_meanwhile,
            "delivered": self._delivered_meanwhile,
            "comes back": self._comes_back_meanwhile,
            "registrant cancels": self._registrant_cancels_meanwhile,
            "staff cancels": self._staff_cancels_meanwhile,
            "staff refunds": self._staff_refunds_meanwhile,
            "Dashboard refunds": self._dashboard_refunds_meanwhile,
            "disputed": self._disputed_meanwhile,
            "jobs done": self._jobs_meanwhile,
            "swept": self._swept_meanwhile,
            "event cancelled": self._event_cancelled_meanwhile,
        }
        self.service.line.incidents.append(Incident(kind, moment, deeds[what]))

    async def _no_answer(self, call: Call) -> None:
        raise httpx.ReadTimeout(call.path)

    async def _killed(self, call: Call) -> None:
        raise Killed

    async def _pays_meanwhile(self, call: Call) -> None:
        registration = self._registration_of(call)
        theirs = [b for b in self.buyers if b.registration == registration]
        for session in [page for buyer in theirs for page in buyer.pages]:
            await self._pay(session, card=GOOD)

    async def _delivered_meanwhile(self, call: Call) -> None:
        await self.service.deliver_all()

    async def _comes_back_meanwhile(self, call: Call) -> None:
        registration = self._registration_of(call)
        for buyer in self.buyers:
            if buyer.registration == registration and buyer.pages:
                await self._come_back(buyer, buyer.pages[-1])

    async def _registrant_cancels_meanwhile(self, call: Call) -> None:
        registration = self._registration_of(call)
        if any(buyer.registration == registration for buyer in self.buyers):
            await self._cancel(registration, staff=False)

    async def _staff_cancels_meanwhile(self, call: Call) -> None:
        await self._cancel(self._registration_of(call), staff=True)

    async def _staff_refunds_meanwhile(self, call: Call) -> None:
        await self._order_refund(self._registration_of(call), None)

    async def _dashboard_refunds_meanwhile(self, call: Call) -> None:
        for charge in self._charges_of(call):
            await self.service.at_stripe(f"/charges/{charge}/refund")

    async def _disputed_meanwhile(self, call: Call) -> None:
        for charge in self._charges_of(call):
            await self.service.at_stripe(f"/charges/{charge}/dispute")

    async def _jobs_meanwhile(self, call: Call) -> None:
        for _, name, args in await in_database(self.service.jobs):
            await self.service.work(name, args)

    async def _swept_meanwhile(self, call: Call) -> None:
        for name in SWEEPS:
            await self.service.sweep(name)

    async def _event_cancelled_meanwhile(self, call: Call) -> None:
        for event in self.offers:
            await self._cancel_event(event)

    def _charges_of(self, call: Call) -> list[str]:
        registration = self._registration_of(call)
        return [
            charge["id"]
            for charge in self.charges()
            if charge["metadata"].get("registrationId") == registration
        ]

    def _registration_of(self, call: Call) -> str:
        """Whose the session or payment is that a call is about."""
        if call.kind == "open":
            return call.form["metadata[registrationId]"]
        if call.kind in ("refund", "list refunds"):
            thing = self.service.object("payment_intent", call.form["payment_intent"])
        else:
            thing = self.at(call.path.split("/")[4])
        assert thing
        found: str = thing["metadata"]["registrationId"]
        return found

    # What must hold.

    @invariant()
    def the_books_are_right(self) -> None:
        failures = [line for line in self.log if line.get("exc_info")]
        for line in self.log:
            note(" ".join(str(value) for value in line.values()))
        self.log.clear()
        assert not failures
        now = Books.read()
        now.check(self.books)
        self.books = now

    def teardown(self) -> None:
        if sys.exc_info()[1] is None:
            self.everything_ends_well()

    def everything_ends_well(self) -> None:
        self.service.line.incidents.clear()
        note("— and in the end —")
        self.do(self.service.finish())
        self.the_books_are_right()
        self.nobody_can_pay_in_vain()
        for seconds in (5 * MINUTE, HOUR, 8 * HOUR, DAY, 4 * DAY, 15 * DAY):
            self.do(self.service.wait(seconds))
            self.do(self.service.finish())
            self.the_books_are_right()
        assert not self.service.jobs()
        assert not self.service.undelivered()
        assert not audit.run().breaches
        stripe_has = Account(
            self.service.objects("charge"),
            self.service.objects("refund"),
            self.service.objects("checkout.session"),
            self.service.objects("dispute"),
            frozenset(self.forged),
        )
        stripe_has.check(self.books)
        self.books.check_the_end(self.given_up)
        for entry in self.books.journal:
            self.reached[entry["reason"]] += 1

    def nobody_can_pay_in_vain(self) -> None:
        """Sessions of registrations that want no money any more have been ended."""
        if "inscrit.payments.tasks.end_session" in self.lost:
            return
        for session in self.sessions("open"):
            row = self.books.registration(self.at(session)["metadata"]["registrationId"])
            assert row["status"] == "PENDING", row


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """What is logged."""
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Calls to Stripe take the line, and give up at once instead of trying again."""
    monkeypatch.setenv("STRIPE_API_BASE", SANDBOX.origin)
    monkeypatch.setenv("ORGANISER_EMAIL", "ecole@example.org")
    config.current.cache_clear()
    one = Service()
    library = stripe.HTTPXClient

    def on_the_line(**more: Any) -> stripe.HTTPXClient:
        client = library(**more)
        client._client_async = httpx.AsyncClient(transport=one.line)
        return client

    monkeypatch.setattr(stripe, "HTTPXClient", on_the_line)
    monkeypatch.setattr(stripe_gateway, "ATTEMPTS_AGAIN", 0)
    # The same story must be the same twice: ids decide in which order things are locked and done.
    monkeypatch.setattr(cancelling, "AT_ONCE", 1)
    numbers = itertools.count(1)
    monkeypatch.setattr(public_ids, "new_id", lambda prefix, _=0: f"{prefix}-{next(numbers):012}")
    yield one
    one.close()
    monkeypatch.undo()
    config.current.cache_clear()


def test_any_story_ends_well(service: Service, told: list[dict[str, Any]]) -> None:
    AnyStory.service, AnyStory.log = service, told
    # Hypothesis has a profile of its own for CI: only the deep one is asked for by a person.
    deep = settings.get_current_profile_name() == "deep"
    run_state_machine_as_test(AnyStory, settings=settings() if deep else SHORT)
    assert AnyStory.reached["payment_received"], "no story came to a payment"
