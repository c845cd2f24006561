"""Stripe's deliveries and parents' purchases, without a pause, and what was answered to each."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .http import Answer, Client, signature
from .shell import eventually

SENDERS = 4
BUYERS = 2
PAUSE = 0.02
RETRY_AFTER = 1.0
_numbers = itertools.count(1)


@dataclass
class Load:
    """What is sent while this runs. ``secret`` may be changed on the way.

    ``acknowledged`` are Stripe events answered 200, ``refused`` whatever was answered otherwise or
    not at all; as Stripe does, it is then sent again. ``delivered`` are the sandbox's own
    deliveries, ``failed`` the attempts at them that were not answered 200. ``bought`` are the
    registrations that were paid for, with their tokens.
    """

    site: str
    sandbox: str
    event_id: str
    secret: str
    requests: int = 0
    acknowledged: set[str] = field(default_factory=set)
    refused: list[Answer] = field(default_factory=list)
    bought: dict[str, str] = field(default_factory=dict)
    delivered: int = 0
    failed: int = 0
    _first: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._first = self._deliveries()[0]["id"]
        works = [self._deliver] * SENDERS + [self._buy] * BUYERS
        with ThreadPoolExecutor(len(works)) as pool:
            under_way = [pool.submit(self._until_stopped, work) for work in works]
            try:
                eventually(
                    lambda: len(self.acknowledged) > 50 and self.bought, "the load is under way"
                )
                yield
                time.sleep(3)
            finally:
                self._stopping.set()
        for work in under_way:
            work.result()  # one that died would make the figures better than they are

    def count_deliveries(self) -> None:
        """What the sandbox sent since the load began."""
        newest = self._deliveries()[0]["id"]
        before = newest + 1
        while before > self._first and (page := self._deliveries(f"?before={before}")):
            for one in page:
                if one["id"] > self._first:
                    self.delivered += 1
                    self.failed += sum(attempt["status"] != 200 for attempt in one["attempts"])
            before = page[-1]["id"]

    def _deliveries(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = Client(self.sandbox).get(f"/sandbox/deliveries{query}").json()
        return found

    def _until_stopped(self, work: Callable[[Client, Client], None]) -> None:
        site, sandbox = Client(self.site), Client(self.sandbox)
        while not self._stopping.is_set():
            work(site, sandbox)
            time.sleep(PAUSE)

    def _counted(self, answer: Answer) -> bool:
        with self._lock:
            self.requests += 1
            if not answer.ok:
                self.refused.append(answer)
        return answer.ok

    def _deliver(self, site: Client, _sandbox: Client) -> None:
        """One Stripe event, again and again until it is acknowledged."""
        event_id = f"evt_load_{next(_numbers)}"
        body = _event(event_id)
        while not self._counted(self._sent(site, body)):
            if self._stopping.wait(RETRY_AFTER):
                return
        self.acknowledged.add(event_id)

    def _sent(self, site: Client, body: str) -> Answer:
        header = {"Stripe-Signature": signature(body, self.secret)}
        return site.post("/stripe/webhooks", body, **header)

    def _buy(self, site: Client, sandbox: Client) -> None:
        """A parent registers and pays; Stripe tells us by webhook."""
        made = site.post(f"/api/v1/events/{self.event_id}/registrations", ORDER)
        if not self._counted(made):
            time.sleep(RETRY_AFTER)
            return
        registration = made.json()
        session = registration["checkout_url"].rsplit("/", 1)[1]
        paid = sandbox.post(f"/sandbox/sessions/{session}/pay", CARD)
        if paid.ok:
            self.bought[registration["id"]] = registration["token"]


ORDER = {
    "contact": {"name": "Parent Essai", "email": "parent@example.org", "locale": "fr"},
    "participants": [{"first_name": "Enfant", "last_name": "Essai"}],
}
CARD = {"card": "4242424242424242", "email": "parent@example.org", "name": "Parent Essai"}


def _event(event_id: str) -> str:
    """An event of a type that is stored and otherwise left alone."""
    return json.dumps(
        {
            "id": event_id,
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "data": {"object": {"id": "cus_load", "object": "customer"}},
            "livemode": False,
            "pending_webhooks": 1,
            "request": None,
            "type": "customer.created",
        }
    )
