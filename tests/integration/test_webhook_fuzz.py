"""Whatever is sent to the webhook lane: no 500, and nothing accepted without a row and a line.

Hypothesis makes the deliveries; the lane, its committer and PostgreSQL are real. Odd events arrive
together with a normal payment, which has to go through, and leave the places counted right.
"""

import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import structlog
from django.db.models import F, Sum
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from inscrit import config, direct
from inscrit.events.models import Event
from inscrit.monitoring import logs
from inscrit.registrations import story
from inscrit.registrations.models import Registration
from inscrit.webhooks import committer, inbox, intake
from inscrit.webhooks.models import StripeEvent

from .odd_events import GONE, OddEvent, as_event, broken_events, events, mangles
from .odd_requests import (
    OddRequest,
    Signing,
    header_of,
    odd_requests,
    ours_among_others,
    whole_request,
    without_ours,
)
from .running_lane import PATH, SECRET, RunningLane, running, signed

pytestmark = pytest.mark.django_db(transaction=True)

LARGEST = 1024 * 1024
# Every line begins with its sign: a traceback would not.
SIGNS = ("🔔", "✅", "⏰", "💥", "⚠️", "❌", "⏳", "💶", "👀")
PAID = OddEvent("checkout.session.completed", {})
bounded = settings(deadline=None, max_examples=100)


@pytest.fixture(scope="module")
def lane(django_db_setup: None) -> Iterator[RunningLane]:
    lines = io.StringIO()
    log = structlog.wrap_logger(structlog.WriteLogger(lines), logs.processors("text"))
    ours = replace(
        config.current(),
        database_url=direct.address(),
        stripe_webhook_secrets=("whsec_older", SECRET),
    )
    with pytest.MonkeyPatch.context() as patch:
        for module in (intake, inbox, committer, story):
            patch.setattr(module, "log", log)
        with running(ours, lines) as lane:
            yield lane


@dataclass(slots=True)
class School:
    """An event with places, people who wait for their payment, and what Stripe has told of them."""

    lane: RunningLane
    event: Event
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def texts(self, some: Iterable[OddEvent]) -> list[bytes]:
        """These events' texts, all about the money of one buyer."""
        buyer = self._buyer()
        return [odd.body(next(self._numbers), buyer.pk) for odd in some]

    def hears(self, *odd: bytes) -> None:
        """Deliver them with a normal payment, and look at everything that has to hold."""
        buyer = self._buyer()
        normal = PAID.body(next(self._numbers), buyer.pk)
        bodies = (*odd, normal)
        found = [as_event(body) for body in bodies]
        # Of two with one id the first is kept.
        pairs = reversed(list(zip(found, bodies, strict=True)))
        told = {event["id"]: body.decode() for event, body in pairs if event}
        stored = StripeEvent.objects.filter(pk__in=told)
        told |= dict(stored.values_list("pk", "payload"))
        before = StripeEvent.objects.count() - len(stored)
        self.lane.logged()
        assert self.lane.deliver(*bodies) == [200 if event else 400 for event in found]
        _are_logged(self.lane.logged(), [event["type"] if event else None for event in found])
        assert dict(stored.values_list("pk", "payload")) == told
        assert "failed" not in stored.values_list("outcome", flat=True)
        assert StripeEvent.objects.count() - len(stored.all()) == before
        buyer.refresh_from_db()
        assert buyer.status == "PAID"
        self.counts_its_places()

    def hears_of(self, odd: OddEvent) -> Registration:
        """Deliver one event; the registration that it is about."""
        registration = self._buyer()
        self.hears(odd.body(next(self._numbers), registration.pk))
        registration.refresh_from_db()
        return registration

    def counts_its_places(self) -> None:
        self.event.refresh_from_db()
        places = dict(Registration.objects.values_list("status").annotate(Sum("places")))
        assert self.event.held == places.get("PENDING", 0) + places.get("PROCESSING", 0)
        assert self.event.confirmed == places.get("PAID", 0)

    def _buyer(self) -> Registration:
        Event.objects.filter(pk=self.event.pk).update(held=F("held") + 1)
        return Registration.objects.create(
            event=self.event,
            contact_name="P",
            contact_email="p@example.org",
            locale="fr",
            places=1,
            amount=1000,
            currency="eur",
            hold_expires_at=timezone.now() + timedelta(hours=1),
        )


def _are_logged(lines: Sequence[str], types: Sequence[str | None]) -> None:
    """One line for each that was accepted, one for each that was refused, and no traceback."""
    for line in lines:
        assert line.startswith(SIGNS), line
    received = Counter(line.split(" stripe_event=")[0] for line in lines if line[0] == "🔔")
    assert received == Counter(f"🔔 Received Stripe event: {said}" for said in types if said)
    refused = [line for line in lines if line.startswith("⚠️")]
    assert len(refused) == types.count(None)


@pytest.fixture
def school(lane: RunningLane) -> School:
    now = timezone.now()
    event = Event.objects.create(
        title="Fête", starts_at=now, ends_at=now, price=1000, capacity=10**6, status="published"
    )
    return School(lane, event)


def test_an_event_is_stored_whatever_its_object_is(school: School) -> None:
    @bounded
    @given(st.lists(events, min_size=1, max_size=3))
    def holds(some: list[OddEvent]) -> None:
        school.hears(*school.texts(some))

    holds()


def test_what_is_no_event_is_refused_and_what_is_one_is_stored(school: School) -> None:
    @bounded
    @given(st.lists(st.tuples(broken_events | events, mangles), min_size=1, max_size=3))
    def holds(some: list[tuple[OddEvent, Callable[[bytes], bytes]]]) -> None:
        texts = school.texts(odd for odd, _ in some)
        school.hears(*(mangle(text) for text, (_, mangle) in zip(texts, some, strict=True)))

    holds()


def test_bytes_of_any_kind_are_refused(school: School) -> None:
    @bounded
    @given(st.binary(max_size=200) | st.text().map(str.encode))
    def holds(body: bytes) -> None:
        school.hears(body)

    holds()


def test_no_header_without_our_signature_of_now_is_accepted(school: School) -> None:
    @bounded
    @given(st.lists(st.lists(without_ours, max_size=4), max_size=2))
    def holds(headers: list[list[Signing]]) -> None:
        (body,) = school.texts([PAID])
        lines = [(b"stripe-signature", header_of(some, body)) for some in headers]
        before = metric("inscrit_webhook_signature_failures_total")
        (answer,) = school.lane.ask_all([(body, lines)])
        assert answer.status == 400
        (line,) = school.lane.logged()
        assert line.startswith("⚠️  Webhook signature verification failed reason=")
        assert metric("inscrit_webhook_signature_failures_total") == before + 1
        assert not StripeEvent.objects.exists()

    holds()


def test_our_signature_is_found_among_others(school: School) -> None:
    @bounded
    @given(ours_among_others)
    def holds(some: list[Signing]) -> None:
        (body,) = school.texts([PAID])
        (answer,) = school.lane.ask_all([(body, [(b"stripe-signature", header_of(some, body))])])
        assert (answer.status, answer.body) == (200, b'{"received": true}')

    holds()


def test_requests_of_any_shape_over_a_real_socket(school: School) -> None:
    @bounded
    @given(odd_requests)
    def holds(odd: OddRequest) -> None:
        school.lane.logged()
        body, normal = school.texts([OddEvent("customer.created", {}), PAID])
        before = deliveries()
        statuses = school.lane.talk(odd.around(body))
        assert set(statuses) <= {200, 400, 405, 413}
        assert school.lane.talk(whole_request(normal)) == [200]
        lines = school.lane.logged()
        received = [line for line in lines if line.startswith("🔔 Received Stripe event: ")]
        assert statuses.count(200) + 1 <= len(received) == deliveries() - before

    holds()
    school.counts_its_places()


def deliveries() -> int:
    total: int = StripeEvent.objects.aggregate(all=Sum("deliveries", default=0))["all"]
    return total


def metric(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", ""])
def test_only_post_is_answered(lane: RunningLane, method: str, path: str) -> None:
    answer = lane.ask(method, path, signed(b"{}"), b"{}")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_body_of_1_mib_is_taken_and_one_byte_more_is_not(school: School) -> None:
    (short,) = school.texts([OddEvent("customer.created", {"note": "«n»"})])
    longest = short + b" " * (LARGEST - len(short))
    school.hears(longest)
    statuses = school.lane.deliver(longest + b" ", short)
    assert statuses == [413, 200]
    assert school.lane.talk(whole_request(longest + b" ")) == [413]


def test_many_of_the_longest_bodies_in_one_batch(school: School) -> None:
    # Each quotation mark is written twice on its way to the database.
    note = {"note": ['"' * 100] * 4900}
    bodies = school.texts([OddEvent("customer.created", note)] * 40)
    assert LARGEST * 0.9 < len(bodies[0]) < LARGEST
    school.hears(*bodies)


# What the fuzz found: each has been wrong once ----------------------------------------------------


def test_half_a_character_in_a_name_does_not_keep_a_payment_away(school: School) -> None:
    name = {"customer_details": {"name": "Zo\ud83c \\\\ud83c \ud83c\udf89"}}
    registration = school.hears_of(OddEvent("checkout.session.completed", name))
    assert registration.status == "PAID"


def test_an_integer_of_thousands_of_digits_does_not_keep_a_payment_away(school: School) -> None:
    registration = school.hears_of(OddEvent("checkout.session.completed", {"new": "«endless»"}))
    assert registration.status == "PAID"


@pytest.mark.parametrize(
    "said",
    [
        {"amount_total": -1},
        {"amount_total": 2**63},
        {"amount_total": "«huge»"},
        {"currency": "euro"},
        {"payment_intent": "pi_" + "x" * 300},
        {"id": "cs_" + "x" * 300, "payment_intent": None},
    ],
)
def test_what_no_column_can_hold_is_rejected_and_not_tried_again(
    school: School, said: dict[str, object]
) -> None:
    registration = school.hears_of(OddEvent("checkout.session.completed", said))
    assert registration.status == "PENDING"
    assert StripeEvent.objects.get(outcome="rejected").reason.startswith("its object can't be read")


@pytest.mark.parametrize("type_", ["checkout.session.completed", "payment_intent.succeeded"])
def test_money_without_an_id_is_taken_for_no_payment(school: School, type_: str) -> None:
    registration = school.hears_of(OddEvent(type_, {"id": GONE, "payment_intent": None}))
    assert (registration.status, registration.payments.count()) == ("PENDING", 0)
    assert StripeEvent.objects.get(outcome="rejected").reason == "its object has no id"


def test_a_length_of_thousands_of_digits_is_too_large(lane: RunningLane) -> None:
    answer = lane.ask("POST", PATH, [(b"content-length", b"9" * 5000)], b"{}")
    assert answer.status == 413
