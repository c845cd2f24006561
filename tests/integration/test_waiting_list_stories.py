"""Whatever happens to an event with a waiting list, in whatever order: the line is served fairly.

A model in a few lines says who is offered what; the real services and PostgreSQL have to agree.
"""

from collections.abc import Callable, Iterable
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inscrit.events.models import Event
from inscrit.monitoring import audit
from inscrit.registrations import services as registrations
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CancelRequested, CheckoutExpired, Fact, OfferAccepted
from inscrit.registrations.models import Registration
from inscrit.waiting import services
from inscrit.waiting.models import State, WaitingEntry

from .at_stripe import forget_jobs, work
from .test_holding_places import make_event
from .test_waiting_list import lapse, order

few = st.integers(1, 4)
names = (f"N{n}" for n in count())


class Line(RuleBasedStateMachine):
    """``waiting`` are places by entry, ``offers`` and ``seated`` places by registration."""

    def __init__(self) -> None:
        super().__init__()
        forget_jobs()
        self.event = make_event(capacity=4, price=0)
        self.capacity = 4
        self.waiting: dict[str, int] = {}
        self.offers: dict[str, int] = {}
        self.seated: dict[str, int] = {}

    @property
    def free(self) -> int:
        return self.capacity - sum(self.offers.values()) - sum(self.seated.values())

    @property
    def left(self) -> int:
        """Kept for those who wait is what they would be given now."""
        return self.free - sum(self.waiting[entry] for entry in self._who_is_served())

    @rule(places=few)
    def register(self, places: int) -> None:
        wanted = order(self.event, places, next(names))
        if places <= self.left:
            self.seated[registrations.hold_places(wanted).pk] = places
            return
        with pytest.raises(registrations.SoldOut) as sold_out:
            registrations.hold_places(wanted)
        assert sold_out.value.remaining == self.left

    @rule(places=few)
    def join(self, places: int) -> None:
        wanted = order(self.event, places, next(names))
        if self.left < places <= self.capacity:
            self.waiting[services.join(wanted).pk] = places
            return
        refusal = services.PlacesLeft if places <= self.left else services.NeverEnough
        with pytest.raises(refusal):
            services.join(wanted)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        entry = self._one(data, self.waiting)
        services.leave(entry)
        del self.waiting[entry]

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        offer = self._one(data, self.offers)
        self._report(offer, OfferAccepted())
        self.seated[offer] = self.offers.pop(offer)

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def let_an_offer_lapse(self, data: st.DataObject) -> None:
        offer = self._one(data, self.offers)
        lapse(Registration.objects.get(pk=offer))
        self._report(offer, CheckoutExpired(None))
        del self.offers[offer]

    @precondition(lambda self: self.offers or self.seated)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        registration = self._one(data, [*self.offers, *self.seated])
        self._report(registration, CancelRequested(refund=True))
        self.offers.pop(registration, None)
        self.seated.pop(registration, None)

    @rule(more=st.integers(1, 2))
    def raise_the_places(self, more: int) -> None:
        self.capacity += more
        Event.objects.filter(pk=self.event.pk).update(capacity=self.capacity)

    @rule()
    def let_the_worker_work(self) -> None:
        """By the job that came with the change, or none: a job that nobody queued is a bug."""
        work("upkeep")
        for entry in self._who_is_served():
            registration = WaitingEntry.objects.get(pk=entry).registration_id
            assert registration is not None
            self.offers[registration] = self.waiting.pop(entry)

    def _who_is_served(self) -> Iterable[str]:
        """The first in the line who fits, again and again, by the model."""
        free, served = self.free, []
        for entry, places in self.waiting.items():
            if places <= free:
                free -= places
                served.append(entry)
        return served

    @invariant()
    def the_database_says_the_same(self) -> None:
        self.event.refresh_from_db()
        assert self.event.confirmed == sum(self.seated.values())
        assert self.event.held == sum(self.offers.values())
        assert self.event.waiting == sum(self.waiting.values())
        assert self.event.remaining == self.left
        assert self.free >= 0
        line = WaitingEntry.objects.filter(event=self.event, state=State.WAITING)
        assert list(line.order_by("number").values_list("pk", flat=True)) == list(self.waiting)

    @staticmethod
    def _one(data: st.DataObject, those: Iterable[str]) -> str:
        # In the order of the story: told again, the ids are others, and would be sorted otherwise.
        return data.draw(st.sampled_from(list(those)))

    @staticmethod
    def _report(registration: str, fact: Fact) -> None:
        registrations.report(Report(fact, "test", registration))

    def teardown(self) -> None:
        assert audit.run().breaches == []


@pytest.mark.django_db(transaction=True)
def test_the_line_is_served_in_order_and_never_oversold() -> None:
    run: Callable[..., None] = run_state_machine_as_test
    run(Line, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
