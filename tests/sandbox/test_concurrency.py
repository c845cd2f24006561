"""Many at once."""

from concurrent.futures import ThreadPoolExecutor

from .conftest import Sandbox, Shop


def test_a_session_is_paid_once_however_often_the_button_is_pressed(
    sandbox: Sandbox, shop: Shop
) -> None:
    session = sandbox.session()
    with ThreadPoolExecutor(10) as buyers:
        answers = list(buyers.map(lambda _: sandbox.pay(session).status_code, range(10)))
    assert answers.count(303) == 1
    assert set(answers) <= {200, 303}
    assert len(sandbox.stripe.v1.charges.list().data) == 1
    assert len(shop.wait_for("checkout.session.completed")) == 1


def test_a_session_is_either_paid_or_expired(sandbox: Sandbox) -> None:
    sessions = [sandbox.session() for _ in range(10)]

    def expire(identifier: str) -> int:
        with sandbox.http as http:
            return http.post(f"/v1/checkout/sessions/{identifier}/expire").status_code

    with ThreadPoolExecutor(20) as everyone:
        paying = [everyone.submit(sandbox.pay, session) for session in sessions]
        expiring = [everyone.submit(expire, session.id) for session in sessions]
    for paid, expired in zip(paying, expiring, strict=True):
        assert (paid.result().status_code == 303) != (expired.result() == 200)


def test_a_key_used_by_many_at_once_makes_one_object(sandbox: Sandbox) -> None:
    def create(_: int) -> str:
        key = {"idempotency_key": "together"}
        return str(sandbox.stripe.v1.customers.create({"name": "Ada"}, key).id)

    with ThreadPoolExecutor(8) as clients:
        assert len(set(clients.map(create, range(8)))) == 1


def test_several_refunds_at_once_never_give_back_more_than_was_paid(sandbox: Sandbox) -> None:
    intent = sandbox.stripe.v1.payment_intents.create(
        {"amount": 2000, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
    )

    def refund(_: int) -> int:
        with sandbox.http as http:
            form = {"payment_intent": intent.id, "amount": "600"}
            return http.post("/v1/refunds", data=form).status_code

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(refund, range(8)))
    assert answers.count(200) == 3
    assert sandbox.stripe.v1.charges.retrieve(intent.latest_charge).amount_refunded == 1800
