"""An integrator registers people, and the staff looks after them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from inscrit import ports
from inscrit.events.models import Event
from inscrit.mail.models import Message
from inscrit.payments import tasks
from inscrit.payments.models import CheckoutSession, Refund
from inscrit.registrations.models import IdempotencyKey, Registration

from .conftest import CONTACT, Caller, MakeCaller, Setting, content, order, pay

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stripe_is_away(stripe_at: Callable[[str], None]) -> None:
    stripe_at(f"http://127.0.0.1:{ports.free()}")


def test_a_buyer_is_sent_to_stripe(organiser: Caller, anybody: Caller, stripe: str) -> None:
    event = organiser.open_event()
    made = anybody.register(event, participants=2)
    assert made["id"].startswith("reg-")
    assert made["checkout_url"].startswith(stripe)
    assert {
        "status": "PENDING",
        "amount": 2500,
        "currency": "eur",
        "places": 2,
    }.items() <= made.items()
    session = CheckoutSession.objects.get(registration=made["id"])
    assert session.url == made["checkout_url"]
    assert content(anybody.get(f"/events/{event['id']}"))["held"] == 2


def test_a_free_event_is_confirmed_at_once(organiser: Caller, anybody: Caller) -> None:
    made = anybody.register(organiser.open_event(price=0))
    assert (made["status"], made["amount"]) == ("FREE", 0)
    assert (made["checkout_url"], made["hold_expires_at"]) == (None, None)
    assert Message.objects.get(registration=made["id"]).kind == "confirmed"


def test_a_cheque_is_waited_for(organiser: Caller, anybody: Caller, staff: MakeCaller) -> None:
    made = anybody.register(organiser.open_event(), payment_method="cheque")
    assert (made["status"], made["checkout_url"]) == ("PENDING", None)
    path = f"/registrations/{made['id']}/mark-paid"
    assert content(anybody.post(path), 401)["code"] == "unauthorized"
    assert content(staff("readonly").post(path), 403)["code"] == "forbidden"
    paid = content(staff("secretary").post(path))
    assert (paid["status"], paid["timeline"][-1]["actor"]) == ("PAID", "api:a secretary")
    assert paid["paid_at"]
    assert content(organiser.post(path)) == paid


def test_only_cheques_are_marked_paid(organiser: Caller, anybody: Caller, stripe: str) -> None:
    made = anybody.register(organiser.open_event())
    problem = content(organiser.post(f"/registrations/{made['id']}/mark-paid"), 409)
    assert problem["code"] == "not_paid_by_cheque"


def test_the_token_opens_one_registration(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(price=0)
    one, other = anybody.register(event), anybody.register(event)
    path = f"/registrations/{one['id']}"
    answer = anybody.get(f"{path}?token={one['token']}")
    assert answer["Cache-Control"] == "no-store"
    found = content(answer)
    (person,) = found["participants"]
    assert (person["first_name"], person["last_name"]) == ("Lou 0", "Martin")
    assert found["event_id"] == event["id"]
    assert (found["review"], found["amount_refunded"], found["paid_at"]) == (None, 0, None)
    assert [step["status"] for step in found["timeline"]] == ["FREE"]
    assert content(anybody.get(path), 401)["code"] == "unauthorized"
    for token in (other["token"], "", "x", "%00", "%C3%A9"):
        assert content(anybody.get(f"{path}?token={token}"), 403)["code"] == "forbidden"
    assert anybody.get(f"/registrations/reg-unknown?token={one['token']}").status_code == 403


def test_every_key_reads_registrations(
    organiser: Caller, anybody: Caller, staff: MakeCaller
) -> None:
    made = anybody.register(organiser.open_event(price=0))
    for role in ("secretary", "readonly"):
        assert content(staff(role).get(f"/registrations/{made['id']}"))["id"] == made["id"]
    assert Caller("ik_wrong").get(f"/registrations/{made['id']}").status_code == 401
    assert organiser.get("/registrations/reg-unknown").status_code == 404


def test_an_event_sells_no_more_than_it_has(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event(price=0, capacity=3)
    anybody.register(event, participants=2)
    problem = content(anybody.post(f"/events/{event['id']}/registrations", order(2)), 409)
    assert (problem["code"], problem["remaining"]) == ("sold_out", 1)


@pytest.mark.parametrize(
    "said",
    [{"status": "draft"}, {"sales_end_at": "2026-01-01T00:00:00Z"}],
    ids=["a draft", "after the sale"],
)
def test_an_event_that_is_not_on_sale_takes_nobody(
    organiser: Caller, anybody: Caller, said: dict[str, Any]
) -> None:
    event = organiser.open_event(**said)
    problem = content(anybody.post(f"/events/{event['id']}/registrations", order()), 409)
    assert problem["code"] == "sales_closed"


def test_an_unknown_event_takes_nobody(anybody: Caller) -> None:
    assert anybody.post("/events/ev-unknown/registrations", order()).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"contact": CONTACT | {"email": "camille"}}, "contact.email"),
        ({"contact": CONTACT | {"email": "camille@localhost"}}, "contact.email"),
        ({"contact": CONTACT | {"email": "a@b.fr\nBcc: x@y.fr"}}, "contact.email"),
        ({"contact": CONTACT | {"email": f"{'x' * 250}@b.fr"}}, "contact.email"),
        ({"contact": CONTACT | {"name": "\0"}}, "contact.name"),
        ({"contact": CONTACT | {"name": "x" * 201}}, "contact.name"),
        ({"contact": CONTACT | {"phone": "1"}}, "contact.phone"),
        ({"contact": None}, "contact"),
        ({"participants": []}, "participants"),
        ({"participants": order(21)["participants"]}, "participants"),
        ({"participants": [{"first_name": " ", "last_name": "M"}]}, "participants.0.first_name"),
        ({"participants": [{"first_name": "L"}]}, "participants.0.last_name"),
        ({"payment_method": "cash"}, "payment_method"),
        ({"amount": 1}, "amount"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    organiser: Caller, anybody: Caller, change: dict[str, Any], field: str
) -> None:
    event = organiser.open_event(price=0)
    answer = anybody.post(f"/events/{event['id']}/registrations", order() | change)
    assert [error["field"] for error in content(answer, 422)["errors"]] == [field]
    assert not Registration.objects.exists()


@pytest.mark.parametrize(
    ("locale", "language"),
    [("en", "en"), ("en-GB", "en"), ("FR", "fr"), ("de", "fr"), ("", "fr"), (None, "fr")],
)
def test_an_unknown_language_is_the_installations(
    organiser: Caller, anybody: Caller, locale: str | None, language: str
) -> None:
    made = anybody.register(organiser.open_event(price=0), contact=CONTACT | {"locale": locale})
    assert Registration.objects.get(pk=made["id"]).locale == language


def test_the_same_key_gives_the_same_registration(
    organiser: Caller, anybody: Caller, stripe: str
) -> None:
    path = f"/events/{organiser.open_event()['id']}/registrations"
    first = content(anybody.post(path, order(), **{"Idempotency-Key": "cart-7"}), 201)
    again = content(anybody.post(path, order(), **{"Idempotency-Key": "cart-7"}), 201)
    assert again == first
    other = anybody.post(path, order(2), **{"Idempotency-Key": "cart-7"})
    assert content(other, 422)["code"] == "idempotency_key_reused"
    too_long = anybody.post(path, order(), **{"Idempotency-Key": "x" * 256})
    assert content(too_long, 422)["errors"][0]["field"] == "Idempotency-Key"
    assert Registration.objects.count() == 1


def test_the_same_key_of_two_callers_is_two_keys(
    organiser: Caller, anybody: Caller, staff: MakeCaller
) -> None:
    path = f"/events/{organiser.open_event(price=0)['id']}/registrations"
    callers = (anybody, organiser, staff("secretary"))
    made = [
        content(one.post(path, order(), **{"Idempotency-Key": "1"}), 201)["id"] for one in callers
    ]
    assert len(set(made)) == 3
    again = [
        content(one.post(path, order(), **{"Idempotency-Key": "1"}), 201)["id"] for one in callers
    ]
    assert again == made


@pytest.mark.usefixtures("stripe_is_away")
def test_without_stripe_the_places_are_given_back(organiser: Caller, anybody: Caller) -> None:
    event = organiser.open_event()
    path = f"/events/{event['id']}/registrations"
    answer = anybody.post(path, order(), **{"Idempotency-Key": "cart-8"})
    assert content(answer, 503)["code"] == "checkout_unavailable"
    assert int(answer["Retry-After"]) > 0
    assert content(anybody.get(f"/events/{event['id']}"))["held"] == 0
    # The next try with this key is a new one.
    assert not IdempotencyKey.objects.exists()


def test_what_stripe_refuses_is_no_use_trying_again(
    organiser: Caller, anybody: Caller, setting: Setting
) -> None:
    setting(STRIPE_SECRET_KEY=None)
    path = f"/events/{organiser.open_event()['id']}/registrations"
    problem = content(anybody.post(path, order()), 502)
    assert problem["code"] == "checkout_unavailable"


def test_cancelling_ends_the_checkout_session(
    organiser: Caller, anybody: Caller, stripe: str
) -> None:
    event = organiser.open_event()
    made = anybody.register(event)
    path = f"/registrations/{made['id']}/cancel"
    assert anybody.post(path).status_code == 401
    assert anybody.post(f"{path}?token=x").status_code == 403
    cancelled = content(anybody.post(f"{path}?token={made['token']}"))
    assert cancelled["status"] == "CANCELLED"
    assert [step["reason"] for step in cancelled["timeline"]] == [
        "registered",
        "cancellation_requested",
        "cancelled_by_request",
    ]
    assert content(anybody.post(f"{path}?token={made['token']}")) == cancelled
    assert content(anybody.get(f"/events/{event['id']}"))["held"] == 0
    session = CheckoutSession.objects.get()
    assert session.status == "expired"
    assert _at_stripe(stripe, session)["status"] == "expired"
    assert [message.kind for message in Message.objects.all()] == ["cancelled"]


def test_a_cancellation_that_is_too_late_leaves_the_payment_and_the_place(
    organiser: Caller, anybody: Caller, stripe: str
) -> None:
    """No webhook has told us of the payment yet; Stripe says so when the session is to end."""
    made = anybody.register(organiser.open_event())
    pay(made["checkout_url"])
    found = content(anybody.post(f"/registrations/{made['id']}/cancel?token={made['token']}"))
    assert (found["status"], found["cancelling"]) == ("PAID", False)
    assert not Refund.objects.exists()


def test_a_cancellation_with_the_money_back_is_never_too_late(
    organiser: Caller, anybody: Caller, stripe: str
) -> None:
    made = anybody.register(organiser.open_event())
    pay(made["checkout_url"])
    found = content(organiser.post(f"/registrations/{made['id']}/cancel"))
    assert found["status"] == "CANCELLED"
    assert Refund.objects.get().amount == 1250
    assert [message.kind for message in Message.objects.all()] == ["cancelled"]


def test_while_stripe_does_not_answer_a_cancellation_waits_and_keeps_the_places(
    organiser: Caller, anybody: Caller, stripe: str, stripe_at: Callable[[str], None]
) -> None:
    """The session can still be paid: who gave the place to somebody else would sell it twice."""
    event = organiser.open_event()
    made = anybody.register(event)
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    waiting = content(organiser.post(f"/registrations/{made['id']}/cancel"))
    assert (waiting["status"], waiting["cancelling"]) == ("PENDING", True)
    assert content(anybody.get(f"/events/{event['id']}"))["held"] == 1
    async_to_sync(tasks.sweep_cancellations.func)(0)
    assert content(organiser.get(f"/registrations/{made['id']}"))["status"] == "PENDING"
    stripe_at(stripe)
    async_to_sync(tasks.sweep_cancellations.func)(0)
    assert content(organiser.get(f"/registrations/{made['id']}"))["status"] == "CANCELLED"
    assert content(anybody.get(f"/events/{event['id']}"))["held"] == 0
    assert _at_stripe(stripe, CheckoutSession.objects.get())["status"] == "expired"


@pytest.mark.parametrize(("days", "refunded"), [(1, True), (-1, False), (None, False)])
def test_a_registrant_gets_money_back_while_the_event_allows_it(
    organiser: Caller,
    anybody: Caller,
    stripe: str,
    days: int | None,
    refunded: bool,
) -> None:
    event = organiser.open_event()
    made = _paid(anybody, event)
    until = timezone.now() + timedelta(days=days) if days else None
    Event.objects.update(refund_until=until)
    cancelled = content(anybody.post(f"/registrations/{made['id']}/cancel?token={made['token']}"))
    assert cancelled["status"] == "CANCELLED"
    assert Refund.objects.exists() is refunded
    assert cancelled["review"] == (None if refunded else "cancelled_without_refund")


def test_once_the_event_has_begun_only_the_staff_cancels(
    organiser: Caller, anybody: Caller, stripe: str
) -> None:
    made = _paid(anybody, organiser.open_event())
    now = timezone.now()
    later = now + timedelta(days=1)
    Event.objects.update(starts_at=now, ends_at=later, refund_until=later)
    path = f"/registrations/{made['id']}/cancel"
    problem = content(anybody.post(f"{path}?token={made['token']}"), 409)
    assert problem["code"] == "event_begun"
    assert Registration.objects.get().status == "PAID"
    assert not Refund.objects.exists()
    cancelled = content(organiser.post(path))
    assert cancelled["status"] == "CANCELLED"
    again = content(anybody.post(f"{path}?token={made['token']}"))
    assert again["status"] == "CANCELLED", "what is cancelled already stays so"


def test_the_staff_gives_the_money_back(
    organiser: Caller, anybody: Caller, staff: MakeCaller, stripe: str
) -> None:
    made = _paid(anybody, organiser.open_event())
    path = f"/registrations/{made['id']}/cancel"
    assert staff("readonly").post(path).status_code == 403
    assert content(staff("secretary").post(path))["status"] == "CANCELLED"
    assert Refund.objects.get().amount == 1250


def test_a_cancelled_event_gives_all_money_back(
    organiser: Caller, anybody: Caller, stripe: str
) -> None:
    event = organiser.open_event()
    paid, waiting = _paid(anybody, event), anybody.register(event)
    cancelled = content(organiser.post(f"/events/{event['id']}/cancel"))
    assert cancelled["cancelled"] == 2
    assert (cancelled["confirmed"], cancelled["held"]) == (0, 0)
    assert Refund.objects.get().payment.registration_id == paid["id"]
    assert _at_stripe(stripe, CheckoutSession.objects.get(registration=waiting["id"]))[
        "status"
    ] == ("expired")


def test_a_refund_is_ordered_in_parts_or_whole(
    organiser: Caller, anybody: Caller, staff: MakeCaller, stripe: str
) -> None:
    path = f"/registrations/{_paid(anybody, organiser.open_event())['id']}/refund"
    assert anybody.post(path).status_code == 401
    assert staff("readonly").post(path).status_code == 403
    secretary = staff("secretary")
    for amount in (0, -1, "5", 1.5):
        assert content(secretary.post(path, {"amount": amount}), 422)["errors"]
    assert content(secretary.post(path, {"amount": 1251}), 409)["code"] == "nothing_to_refund"
    assert content(secretary.post(path, {"amount": 250}))["status"] == "PAID"
    content(secretary.post(path))
    assert [refund.amount for refund in Refund.objects.all()] == [250, 1000]
    assert content(secretary.post(path), 409)["code"] == "nothing_to_refund"


def test_what_was_not_paid_through_stripe_is_not_refunded_there(
    organiser: Caller, anybody: Caller
) -> None:
    made = anybody.register(organiser.open_event(price=0))
    problem = content(organiser.post(f"/registrations/{made['id']}/refund"), 409)
    assert problem["code"] == "nothing_to_refund"
    assert organiser.post("/registrations/reg-unknown/refund").status_code == 404


def _paid(anybody: Caller, event: dict[str, Any]) -> dict[str, Any]:
    """A registration whose buyer paid and came back."""
    from asgiref.sync import async_to_sync

    from inscrit.payments.checkout import confirm_return

    made = anybody.register(event)
    pay(made["checkout_url"])
    async_to_sync(confirm_return)(made["id"])
    assert Registration.objects.get(pk=made["id"]).status == "PAID"
    return made


def _at_stripe(address: str, session: CheckoutSession) -> dict[str, Any]:
    answer = httpx.get(
        f"{address}/v1/checkout/sessions/{session.stripe_id}",
        headers={"Authorization": "Bearer sk_test_inscrit"},
    )
    found: dict[str, Any] = answer.raise_for_status().json()
    return found
