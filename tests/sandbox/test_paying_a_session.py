from contextlib import suppress

import pytest
import stripe

from .conftest import SECRET, Sandbox, Shop

USUAL = [
    "charge.succeeded",
    "checkout.session.completed",
    "payment_intent.created",
    "payment_intent.succeeded",
]


def test_a_paid_session_is_complete_and_the_shop_hears_of_it(sandbox: Sandbox, shop: Shop) -> None:
    session = sandbox.session(metadata={"registrationId": "reg-1"})
    answer = sandbox.pay(session)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://shop.example/thanks?session={session.id}"
    [completed] = shop.wait_for("checkout.session.completed")
    assert completed.object["metadata"] == {"registrationId": "reg-1"}
    assert completed.object["payment_status"] == "paid"
    shop.wait_for("payment_intent.succeeded")
    shop.wait_for("charge.succeeded")
    assert sorted(set(shop.types()) - {"product.created", "price.created"}) == USUAL


def test_the_browser_is_sent_back_only_after_the_shop_has_answered(
    sandbox: Sandbox, shop: Shop
) -> None:
    sandbox.pay(sandbox.session())
    assert shop.of_type("checkout.session.completed")


def test_the_official_library_accepts_the_signature(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.pay(sandbox.session())
    [completed] = shop.wait_for("checkout.session.completed")
    event = sandbox.stripe.construct_event(
        completed.body, completed.headers["Stripe-Signature"], SECRET
    )
    assert event.type == "checkout.session.completed"
    with pytest.raises(stripe.SignatureVerificationError):
        sandbox.stripe.construct_event(
            completed.body, completed.headers["Stripe-Signature"], "whsec_other"
        )


def test_a_retrieved_session_shows_its_payment_intent(sandbox: Sandbox) -> None:
    session = sandbox.session(payment_intent_data={"metadata": {"registrationId": "reg-1"}})
    assert session.payment_intent is None
    sandbox.pay(session)
    paid = sandbox.stripe.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge", "line_items"]}
    )
    assert paid.payment_status == "paid"
    assert paid.url is None
    assert paid.payment_intent.metadata["registrationId"] == "reg-1"
    assert paid.payment_intent.latest_charge.metadata["registrationId"] == "reg-1"
    assert paid.line_items.data[0].amount_total == 3000


def test_paying_what_is_no_longer_open_leaves_nothing_behind(sandbox: Sandbox) -> None:
    session = sandbox.session()
    sandbox.control("POST", f"/sessions/{session.id}/expire")
    methods = sandbox.stripe.v1.payment_methods
    before = len(methods.list({"limit": 100}).data)
    with sandbox.http as http:
        assert http.post(f"/sandbox/sessions/{session.id}/pay").status_code == 400
    assert len(methods.list({"limit": 100}).data) == before


@pytest.mark.parametrize("how", ["pm_card_visa", "pm_card_createDispute", "pm_card_chargeDeclined"])
def test_only_money_that_was_kept_can_be_disputed(sandbox: Sandbox, how: str) -> None:
    intents = sandbox.stripe.v1.payment_intents
    form = {"amount": 500, "currency": "eur", "payment_method": how, "confirm": True}
    with suppress(stripe.CardError):
        intents.create(form)
    [charge] = sandbox.stripe.v1.charges.list().data
    if how == "pm_card_visa":
        sandbox.control("POST", f"/charges/{charge.id}/refund")
    with sandbox.http as http:
        assert http.post(f"/sandbox/charges/{charge.id}/dispute").status_code == 400
