"""One simulated Stripe account: its memory, its clock, its faults and its webhooks."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from inscrit.sandbox.clock import Clock
from inscrit.sandbox.config import SandboxConfig
from inscrit.sandbox.deliveries import TICK, Deliveries
from inscrit.sandbox.errors import no_such
from inscrit.sandbox.faults import Faults
from inscrit.sandbox.feed import Feed
from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.listeners import Listeners
from inscrit.sandbox.store import Store, StripeObject
from inscrit.sandbox.timers import ACTIONS, Timers

log = structlog.get_logger("inscrit.sandbox")


@dataclass(frozen=True)
class Request:
    """The API call that is being answered; events say which one caused them."""

    id: str | None = None
    idempotency_key: str | None = None


BY_ITSELF = Request()


class Simulator:
    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.store = Store(config.data_dir / "sandbox.sqlite3" if config.data_dir else None)
        self.clock = Clock(self.store.setting("clock") or 0)
        self.timers = Timers(self.store, self.clock)
        self.faults = Faults(self.store)
        self.feed = Feed()
        self.deliveries = Deliveries(self.store, self.clock, self.faults, self.feed, config)
        self.request = BY_ITSELF
        self.emitted: list[StripeObject] = []
        self.known_endpoints: list[StripeObject] | None = None
        self.account = self.remembered("account", new_id("acct"))
        secret = self.remembered("cli_secret", f"whsec_{token(32)}")
        self.listeners = Listeners(secret, self.deliveries)

    def remembered(self, name: str, new: str) -> str:
        """A setting that is made up once."""
        if self.store.setting(name) is None:
            self.store.set(name, new)
        return str(self.store.setting(name))

    @contextmanager
    def transaction(self, request: Request = BY_ITSELF) -> Iterator[None]:
        """All or nothing. Never await anything inside: that is what keeps requests apart."""
        self.request, self.emitted = request, []
        try:
            with self.store.transaction():
                yield
        except BaseException:
            self.emitted = []
            self.forget_endpoints()
            raise
        finally:
            self.request = BY_ITSELF
            self.announce()

    def announce(self) -> None:
        for event in self.emitted:
            self.listeners.show(event)
            self.deliveries.wake.set()
        self.feed.changed()

    def endpoints(self) -> list[StripeObject]:
        if self.known_endpoints is None:
            self.known_endpoints = self.store.select("webhook_endpoint", oldest_first=True)
        return self.known_endpoints

    def forget_endpoints(self) -> None:
        self.known_endpoints = None

    def need(self, kind: str, identifier: str, param: str = "id") -> StripeObject:
        """The object, or Stripe's 404."""
        found = self.store.get(kind, identifier)
        if found is None:
            raise no_such(kind, identifier, param)
        return found

    def advance(self, seconds: float) -> None:
        """Move the clock forward and let everything happen that was to happen by then."""
        with self.transaction():
            self.clock.advance(seconds)
            self.store.set("clock", self.clock.offset)
        self.tick()
        self.deliveries.wake.set()

    def tick(self) -> None:
        """Do everything that is due, each thing in a transaction of its own."""
        while self.timers.any_due():
            try:
                with self.transaction():
                    action, subject = self.timers.take()
                    ACTIONS[action](self, subject)
            except Exception:
                # One thing that goes wrong must not stop the clock for all the others.
                log.exception("something that was due could not be done")
                with self.transaction():
                    self.timers.take()

    async def run(self) -> None:
        """Keep time and send webhooks until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.deliveries.run())
            tasks.create_task(self.keep_time())

    async def keep_time(self) -> None:
        while True:
            try:
                self.tick()
            except Exception:
                log.exception("the clock's work was interrupted")
            await asyncio.sleep(TICK)

    async def close(self) -> None:
        await self.deliveries.close()
        self.store.close()
