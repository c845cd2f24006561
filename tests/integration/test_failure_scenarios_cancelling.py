"""A registration or an event is given up while Stripe, buyers and processes do what they do.

Each test is a line of docs/reference/failure-scenarios.md.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from inscrit import ports
from inscrit.payments import cancelling, stripe_gateway
from inscrit.payments.models import CheckoutSession, Refund
from inscrit.payments.stripe_gateway import SessionState
from inscrit.payments.tasks import sweep_cancellations, sweep_lapsed_holds
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CancelRequested
from inscrit.registrations.models import JournalEntry, Registration

from .account import Made
from .at_stripe import (
    AtStripe,
    changed,
    deliver,
    forget_jobs,
    mails,
    places,
    review,
    status,
    work,
)
from .conftest import Caller, content

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


@pytest.fixture
def waiting(organiser: Caller, anybody: Caller, at_stripe: AtStripe) -> Made:
    """A registration of two places whose Checkout session is open."""
    return anybody.register(organiser.open_event(capacity=2), participants=2)


def is_cancelling(made: Made) -> bool:
    return Registration.objects.get(pk=made["id"]).cancelling != ""


def sweep() -> None:
    async_to_sync(sweep_cancellations.func)(0)


def reasons(made: Made) -> list[str]:
    found = JournalEntry.objects.filter(registration=made["id"]).order_by("pk")
    return list(found.values_list("reason", flat=True))


# Stripe does not answer


@pytest.fixture
def cancelled_in_vain(
    waiting: Made, organiser: Caller, stripe_at: Callable[[str], None], stripe: str
) -> Made:
    """The organiser cancelled it with the money back while Stripe could not be reached.

    It can be reached again now.
    """
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    found = content(organiser.post(f"/registrations/{waiting['id']}/cancel"))
    assert (found["status"], found["cancelling"]) == ("PENDING", True)
    assert places(waiting) == (0, 2)
    stripe_at(stripe)
    return waiting


def test_stripes_own_expiry_that_overtakes_a_cancellation_carries_it_out(
    cancelled_in_vain: Made, at_stripe: AtStripe
) -> None:
    made = cancelled_in_vain
    at_stripe.expire(made)
    assert at_stripe.tell(made) == ["applied"]
    assert (status(made), places(made), mails(made)) == ("CANCELLED", (0, 0), ["cancelled"])
    sweep()
    work("money")
    assert reasons(made) == ["registered", "cancellation_requested", "cancelled_by_request"]


def test_stripes_expiry_told_between_ending_the_session_and_its_answer_is_no_expiry(
    waiting: Made, organiser: Caller, at_stripe: AtStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual race: Stripe sends the event and the answer at the same moment."""
    expire = stripe_gateway.expire_session

    async def told_first(session_id: str) -> SessionState:
        state = await expire(session_id)
        await sync_to_async(at_stripe.tell, thread_sensitive=False)(waiting)
        return state

    monkeypatch.setattr(stripe_gateway, "expire_session", told_first)
    found = content(organiser.post(f"/registrations/{waiting['id']}/cancel"))
    assert found["status"] == "CANCELLED"
    assert (places(waiting), mails(waiting)) == ((0, 0), ["cancelled"])


def test_who_pays_while_a_cancellation_waits_for_stripe_gets_the_money_back(
    cancelled_in_vain: Made, at_stripe: AtStripe
) -> None:
    made = cancelled_in_vain
    at_stripe.pay(made)
    at_stripe.tell(made)
    assert (status(made), places(made), mails(made)) == ("CANCELLED", (0, 0), ["cancelled"])
    work("money")
    assert at_stripe.charge(made)["amount_refunded"] == 2500
    assert status(made) == "REFUNDED"


def test_who_pays_while_a_cancellation_without_refund_waits_keeps_the_place(
    waiting: Made, anybody: Caller, at_stripe: AtStripe, stripe_at: Callable[[str], None]
) -> None:
    """Nobody loses both the place and the money."""
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    path = f"/registrations/{waiting['id']}/cancel?token={waiting['token']}"
    assert content(anybody.post(path))["cancelling"]
    stripe_at(at_stripe.origin)
    at_stripe.pay(waiting)
    at_stripe.tell(waiting)
    assert (status(waiting), places(waiting), mails(waiting)) == ("PAID", (2, 0), ["confirmed"])
    assert not is_cancelling(waiting)
    sweep()
    work("money")
    assert status(waiting) == "PAID"
    assert not Refund.objects.exists()


@pytest.mark.parametrize("refund", [True, False])
def test_a_cancellation_that_is_too_late_because_it_was_paid_is_decided_by_its_wish(
    waiting: Made, organiser: Caller, anybody: Caller, at_stripe: AtStripe, refund: bool
) -> None:
    """No webhook has come: Stripe says that the session can't be ended, it is complete."""
    at_stripe.pay(waiting)
    if refund:
        organiser.post(f"/registrations/{waiting['id']}/cancel")
    else:
        anybody.post(f"/registrations/{waiting['id']}/cancel?token={waiting['token']}")
    ends = ("CANCELLED", (0, 0), 1) if refund else ("PAID", (2, 0), 0)
    assert (status(waiting), places(waiting), Refund.objects.count()) == ends


def test_a_wrong_amount_paid_while_a_cancellation_waits_goes_back_with_it(
    cancelled_in_vain: Made, at_stripe: AtStripe
) -> None:
    made = cancelled_in_vain
    at_stripe.pay(made)
    completed = at_stripe.event(made, "checkout.session.completed")
    deliver(changed(completed, "evt_less", amount_total=1))
    sweep()
    assert (status(made), places(made), review(made)) == ("CANCELLED", (0, 0), None)
    assert [refund.amount for refund in Refund.objects.all()] == [1]


def test_a_cancelled_order_does_not_keep_its_places(
    waiting: Made, anybody: Caller, organiser: Caller, at_stripe: AtStripe
) -> None:
    """Unpaid, paid, or with a direct debit under way."""
    event = {"id": Registration.objects.get().event_id}
    content(organiser.post(f"/registrations/{waiting['id']}/cancel"))
    assert places(waiting) == (0, 0)
    paid = anybody.register(event, participants=2)
    at_stripe.pay(paid)
    at_stripe.tell(paid)
    content(organiser.post(f"/registrations/{paid['id']}/cancel"))
    assert places(paid) == (0, 0)
    debited = anybody.register(event, participants=2)
    at_stripe.pay(debited, iban="AT611904300234573201")
    at_stripe.tell(debited)
    content(organiser.post(f"/registrations/{debited['id']}/cancel"))
    assert places(debited) == (0, 0)
    assert anybody.register(event, participants=2)["status"] == "PENDING"


def test_a_direct_debit_that_comes_after_the_cancellation_goes_back(
    waiting: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    at_stripe.pay(waiting, iban="AT611904300234573201")
    at_stripe.tell(waiting)
    content(organiser.post(f"/registrations/{waiting['id']}/cancel"))
    at_stripe.settle(waiting)
    at_stripe.tell(waiting)
    work("money")
    assert at_stripe.charge(waiting)["amount_refunded"] == 2500
    assert (status(waiting), places(waiting)) == ("REFUNDED", (0, 0))


# A process dies half-way


def wish_and_die(made: Made) -> None:
    """The wish is committed, and the process that had it is gone before it asked Stripe."""
    services.report(Report(CancelRequested(refund=True), "api:gone", made["id"]))
    assert (status(made), places(made)) == ("PENDING", (0, 2))


@pytest.mark.parametrize("by", ["the job", "the sweep"])
def test_a_crash_between_the_wish_and_the_end_of_the_session_is_made_good(
    waiting: Made, at_stripe: AtStripe, by: str
) -> None:
    wish_and_die(waiting)
    if by == "the job":
        assert work("money") == ["end_session"]
    else:
        forget_jobs()
        sweep()
    assert (status(waiting), places(waiting), mails(waiting)) == (
        "CANCELLED",
        (0, 0),
        ["cancelled"],
    )
    assert at_stripe.session(waiting)["status"] == "expired"


def test_a_crash_after_the_session_was_ended_is_made_good_without_a_word_from_stripe(
    waiting: Made, at_stripe: AtStripe
) -> None:
    wish_and_die(waiting)
    at_stripe.expire(waiting)
    sweep()
    assert (status(waiting), places(waiting), mails(waiting)) == (
        "CANCELLED",
        (0, 0),
        ["cancelled"],
    )


def test_a_cancellation_whose_session_we_never_heard_of_finds_and_ends_it(
    waiting: Made, organiser: Caller, at_stripe: AtStripe
) -> None:
    """Stripe's answer to opening it was lost: the same key tells which session it was."""
    CheckoutSession.objects.update(stripe_id=None, url="", status="opening")
    content(organiser.post(f"/registrations/{waiting['id']}/cancel"))
    assert (status(waiting), places(waiting)) == ("CANCELLED", (0, 0))
    assert at_stripe.session(waiting)["status"] == "expired"


def test_one_cancellation_that_fails_does_not_hold_up_the_others(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe
) -> None:
    event = organiser.open_event()
    made = [anybody.register(event, participants=2) for _ in range(3)]
    for one in made:
        services.report(Report(CancelRequested(refund=True), "api:gone", one["id"]))
    session = at_stripe.session(made[1])["id"]
    at_stripe.break_down(kind="error", path=f"/v1/checkout/sessions/{session}*")
    sweep()
    assert sorted(map(status, made)) == ["CANCELLED", "CANCELLED", "PENDING"]
    at_stripe.mend()
    sweep()
    assert {status(one) for one in made} == {"CANCELLED"}


def test_cancelling_an_event_that_was_cut_short_is_gone_on_with(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever began it did two registrations and was gone; nobody has to call it again."""
    event = organiser.open_event()
    paid = [anybody.register(event) for _ in range(2)]
    for one in paid:
        at_stripe.pay(one)
        at_stripe.tell(one)
    unpaid = [anybody.register(event) for _ in range(2)]
    cancel = cancelling.cancel
    done: list[str] = []

    class Gone(BaseException):
        """As if the process had been killed."""

    async def cut_short(registration_id: str, *, refund: bool, actor: str) -> None:
        if len(done) == 2:
            raise Gone
        done.append(registration_id)
        await cancel(registration_id, refund=refund, actor=actor)

    monkeypatch.setattr(cancelling, "cancel", cut_short)
    monkeypatch.setattr(cancelling, "AT_ONCE", 1)
    with pytest.raises(Gone):
        organiser.post(f"/events/{event['id']}/cancel")
    monkeypatch.undo()
    path = f"/events/{event['id']}/cancellation"
    assert content(organiser.get(path))["waiting"] == 2
    assert anybody.post(f"/events/{event['id']}/registrations", {}).status_code == 422
    assert work("money")  # queued with the closing of the event
    work("money")
    so_far = content(organiser.get(path))
    assert (so_far["cancelled"], so_far["waiting"]) == (4, 0)
    assert (so_far["to_refund"], so_far["refunded"]) == (2500, 2500)
    assert {status(one) for one in paid} == {"REFUNDED"}
    assert {status(one) for one in unpaid} == {"CANCELLED"}
    assert places(paid[0]) == (0, 0)
    assert all(at_stripe.session(one)["status"] == "expired" for one in unpaid)
    for one in (*paid, *unpaid):
        assert mails(one).count("cancelled") == 1


def test_cancelling_an_event_whose_job_was_lost_is_gone_on_with_by_the_sweep(
    organiser: Caller, anybody: Caller, at_stripe: AtStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = organiser.open_event()
    made = [anybody.register(event) for _ in range(3)]
    monkeypatch.setattr(cancelling, "PATIENCE_SECONDS", 0.0)
    assert content(organiser.post(f"/events/{event['id']}/cancel"))["waiting"] == 3
    forget_jobs()
    sweep()
    assert {status(one) for one in made} == {"CANCELLED"}
    assert places(made[0]) == (0, 0)


def test_who_pays_for_an_event_that_is_being_cancelled_gets_the_money_back(
    waiting: Made, organiser: Caller, at_stripe: AtStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is closed, this registration's turn has not come yet."""
    event_id = Registration.objects.get().event_id
    monkeypatch.setattr(cancelling, "PATIENCE_SECONDS", 0.0)
    content(organiser.post(f"/events/{event_id}/cancel"))
    at_stripe.pay(waiting)
    at_stripe.tell(waiting)
    work("money")
    work("money")
    assert at_stripe.charge(waiting)["amount_refunded"] == 2500
    assert (status(waiting), places(waiting)) == ("REFUNDED", (0, 0))


def test_a_hold_that_lapses_while_its_cancellation_waits_ends_cancelled(
    cancelled_in_vain: Made, at_stripe: AtStripe
) -> None:
    made = cancelled_in_vain
    Registration.objects.update(hold_expires_at=timezone.now() - timedelta(minutes=5))
    async_to_sync(sweep_lapsed_holds.func)(0)
    assert (status(made), places(made), mails(made)) == ("CANCELLED", (0, 0), ["cancelled"])
