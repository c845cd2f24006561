"""What the test cards and test accounts do."""

from typing import Any

import httpx
import pytest
import stripe

from .conftest import Sandbox, Shop


def intent_of(sandbox: Sandbox, session: Any) -> Any:
    found = sandbox.stripe.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    return found.payment_intent


@pytest.mark.parametrize(
    ("number", "code", "decline"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", None),
        ("4000000000000127", "incorrect_cvc", None),
        ("4000000000000119", "processing_error", None),
    ],
)
def test_a_declined_card_leaves_the_session_open(
    quiet_sandbox: Sandbox, number: str, code: str, decline: str | None
) -> None:
    session = quiet_sandbox.session()
    assert quiet_sandbox.pay(session, card_number=number).status_code == 402
    intent = intent_of(quiet_sandbox, session)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == code
    assert intent.last_payment_error.to_dict().get("decline_code") == decline
    assert intent.latest_charge.status == "failed"
    found = quiet_sandbox.stripe.v1.checkout.sessions.retrieve(session.id)
    assert (found.status, found.payment_status) == ("open", "unpaid")


def test_a_second_card_may_succeed_with_the_same_payment_intent(
    sandbox: Sandbox, shop: Shop
) -> None:
    session = sandbox.session()
    sandbox.pay(session, card_number="4000000000000002")
    [failed] = shop.wait_for("payment_intent.payment_failed")
    assert sandbox.pay(session).status_code == 303
    [succeeded] = shop.wait_for("payment_intent.succeeded")
    assert succeeded.object["id"] == failed.object["id"]
    assert len(shop.of_type("payment_intent.created")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"card_number": "4242424242424241"},
        {"card_number": "4111111111111111"},
        {"exp": "12 / 20"},
        {"exp": "13 / 34"},
        {"cvc": "1"},
    ],
)
def test_a_card_that_cannot_be_is_not_even_tried(
    quiet_sandbox: Sandbox, wrong: dict[str, str]
) -> None:
    session = quiet_sandbox.session()
    assert quiet_sandbox.pay(session, **wrong).status_code == 402
    assert intent_of(quiet_sandbox, session) is None


def challenge(sandbox: Sandbox, session: Any, answer: str, number: str) -> httpx.Response:
    asked = sandbox.pay(session, card_number=number)
    assert "/c/challenge/" in asked.headers["location"]
    with sandbox.http as http:
        return http.post(asked.headers["location"], data={"answer": answer})


def test_a_passed_challenge_pays(sandbox: Sandbox, shop: Shop) -> None:
    session = sandbox.session()
    back = challenge(sandbox, session, "pass", "4000002760003184")
    assert back.headers["location"].startswith("https://shop.example/thanks")
    shop.wait_for("payment_intent.requires_action")
    intent = intent_of(sandbox, session)
    card = intent.latest_charge.payment_method_details.card
    assert card.three_d_secure.result == "authenticated"


def test_a_refused_challenge_brings_the_buyer_back_to_the_form(
    sandbox: Sandbox, shop: Shop
) -> None:
    session = sandbox.session(locale="fr")
    back = challenge(sandbox, session, "fail", "4000000000003220")
    assert back.headers["location"] == f"/c/pay/{session.id}?retry=1"
    [failed] = shop.wait_for("payment_intent.payment_failed")
    code = failed.object["last_payment_error"]["code"]
    assert code == "payment_intent_authentication_failure"
    with sandbox.http as http:
        assert "n’a pas pu vous authentifier" in http.get(back.headers["location"]).text


def test_a_card_may_be_declined_after_its_challenge(sandbox: Sandbox) -> None:
    session = sandbox.session()
    back = challenge(sandbox, session, "pass", "4000008400001629")
    assert back.headers["location"].endswith("?retry=1")
    assert intent_of(sandbox, session).last_payment_error.code == "card_declined"


def pay_by_debit(sandbox: Sandbox, iban: str) -> Any:
    session = sandbox.session(allowed_payment_method_types=["sepa_debit"])
    sandbox.pay(session, payment_method_type="sepa_debit", iban=iban)
    return session


def test_a_direct_debit_is_complete_but_unpaid_until_it_settles(
    sandbox: Sandbox, shop: Shop
) -> None:
    session = pay_by_debit(sandbox, "AT611904300234573201")
    [completed] = shop.wait_for("checkout.session.completed")
    assert completed.object["payment_status"] == "unpaid"
    assert intent_of(sandbox, session).status == "processing"
    sandbox.control("POST", "/clock", advance=10)
    [settled] = shop.wait_for("checkout.session.async_payment_succeeded")
    assert settled.object["payment_status"] == "paid"
    assert intent_of(sandbox, session).status == "succeeded"


def test_a_direct_debit_may_come_back(sandbox: Sandbox, shop: Shop) -> None:
    session = pay_by_debit(sandbox, "AT861904300235473202")
    sandbox.control("POST", "/clock", advance=10)
    [failed] = shop.wait_for("checkout.session.async_payment_failed")
    assert failed.object["payment_status"] == "unpaid"
    assert intent_of(sandbox, session).status == "requires_payment_method"


def test_an_ordinary_account_takes_five_days(sandbox: Sandbox, shop: Shop) -> None:
    session = pay_by_debit(sandbox, "NL91ABNA0417164300")
    sandbox.control("POST", "/clock", advance=4 * 86400)
    assert intent_of(sandbox, session).status == "processing"
    sandbox.control("POST", "/clock", advance=2 * 86400)
    shop.wait_for("checkout.session.async_payment_succeeded")


def test_an_intent_of_checkout_is_not_for_the_api_to_confirm_or_cancel(
    quiet_sandbox: Sandbox,
) -> None:
    session = quiet_sandbox.session()
    quiet_sandbox.pay(session, card_number="4000000000000002")
    intent = intent_of(quiet_sandbox, session)
    with pytest.raises(stripe.InvalidRequestError, match="expire the Checkout Session"):
        quiet_sandbox.stripe.v1.payment_intents.cancel(intent.id)


def test_the_api_charges_the_documented_payment_methods(quiet_sandbox: Sandbox) -> None:
    intents = quiet_sandbox.stripe.v1.payment_intents
    usual = {"amount": 2000, "currency": "eur", "confirm": True}
    assert intents.create({**usual, "payment_method": "pm_card_visa"}).status == "succeeded"
    with pytest.raises(stripe.CardError) as caught:
        intents.create({**usual, "payment_method": "pm_card_chargeDeclined"})
    assert caught.value.code == "card_declined"
    body: Any = caught.value.json_body
    assert body["error"]["payment_intent"]["status"] == "requires_payment_method"


def test_an_intent_is_confirmed_canceled_and_captured_only_when_it_can_be(
    quiet_sandbox: Sandbox,
) -> None:
    intents = quiet_sandbox.stripe.v1.payment_intents
    intent = intents.create({"amount": 2000, "currency": "eur", "capture_method": "manual"})
    held = intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
    taken = intents.capture(intent.id, {"amount_to_capture": 1500})
    assert (taken.status, taken.amount_received) == ("succeeded", 1500)
    for forbidden in (intents.confirm, intents.cancel, intents.capture):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            forbidden(intent.id)
        assert caught.value.code == "payment_intent_unexpected_state"


# Refunds.


def paid_intent(sandbox: Sandbox, method: str = "pm_card_visa") -> Any:
    return sandbox.stripe.v1.payment_intents.create(
        {"amount": 2000, "currency": "eur", "confirm": True, "payment_method": method}
    )


def test_partial_refunds_add_up(sandbox: Sandbox, shop: Shop) -> None:
    intent = paid_intent(sandbox)
    refunds = sandbox.stripe.v1.refunds
    for amount in (500, 700):
        assert refunds.create({"payment_intent": intent.id, "amount": amount}).status == "succeeded"
    charge = sandbox.stripe.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (1200, False)
    with pytest.raises(stripe.InvalidRequestError, match=r"€9.00.*unrefunded amount.*€8.00"):
        refunds.create({"payment_intent": intent.id, "amount": 900})
    refunds.create({"payment_intent": intent.id})
    heard = shop.wait_for("charge.refunded", 3)
    assert sorted(each.object["amount_refunded"] for each in heard) == [500, 1200, 2000]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"


def test_a_refund_may_fail_afterwards_and_the_money_is_the_merchants_again(
    sandbox: Sandbox, shop: Shop
) -> None:
    intent = paid_intent(sandbox, "pm_card_refundFail")
    refund = sandbox.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    sandbox.control("POST", "/clock", advance=10)
    [failed] = shop.wait_for("refund.failed")
    assert failed.object["status"] == "failed"
    charge = sandbox.stripe.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False)


def test_a_pending_refund_succeeds_or_is_canceled(sandbox: Sandbox, shop: Shop) -> None:
    refunds = sandbox.stripe.v1.refunds
    pending, canceled = (
        refunds.create({"payment_intent": paid_intent(sandbox, "pm_card_pendingRefund").id})
        for _ in range(2)
    )
    assert refunds.cancel(canceled.id).status == "canceled"
    sandbox.control("POST", "/clock", advance=10)
    assert refunds.retrieve(pending.id).status == "succeeded"
    assert refunds.retrieve(canceled.id).status == "canceled"
    shop.wait_for("refund.updated", 2)


# Disputes.


def test_a_dispute_takes_the_money_and_winning_brings_it_back(sandbox: Sandbox, shop: Shop) -> None:
    intent = paid_intent(sandbox, "pm_card_createDispute")
    [dispute] = sandbox.stripe.v1.disputes.list({"payment_intent": intent.id}).data
    assert (dispute.status, dispute.is_charge_refundable) == ("needs_response", False)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.stripe.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"
    sandbox.stripe.v1.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    [closed] = shop.wait_for("charge.dispute.closed")
    assert closed.object["status"] == "won"
    shop.wait_for("charge.dispute.funds_reinstated")


def test_an_inquiry_moves_no_money(sandbox: Sandbox, shop: Shop) -> None:
    intent = paid_intent(sandbox, "pm_card_createDisputeInquiry")
    [dispute] = sandbox.stripe.v1.disputes.list({"payment_intent": intent.id}).data
    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert dispute.balance_transactions == []
    assert sandbox.stripe.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"
    assert sandbox.stripe.v1.disputes.close(dispute.id).status == "warning_closed"
    assert not shop.of_type("charge.dispute.funds_withdrawn")


def test_the_balance_is_what_came_in_less_fees_and_refunds(sandbox: Sandbox) -> None:
    intent = paid_intent(sandbox)
    sandbox.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    [pending] = sandbox.stripe.v1.balance.retrieve().pending
    assert (pending.amount, pending.currency) == (2000 - 55 - 500, "eur")


def held(sandbox: Sandbox) -> Any:
    return sandbox.stripe.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "capture_method": "manual",
            "confirm": True,
            "payment_method": "pm_card_visa",
        }
    )


def test_what_was_not_captured_cannot_be_refunded(quiet_sandbox: Sandbox) -> None:
    intent = held(quiet_sandbox)
    for wanted in ({"charge": intent.latest_charge}, {"payment_intent": intent.id, "amount": 5}):
        with pytest.raises(stripe.InvalidRequestError, match="has not been captured"):
            quiet_sandbox.stripe.v1.refunds.create(wanted)


def test_a_dispute_is_over_what_was_captured(quiet_sandbox: Sandbox) -> None:
    intent = held(quiet_sandbox)
    quiet_sandbox.stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 700})
    dispute = quiet_sandbox.control("POST", f"/charges/{intent.latest_charge}/dispute")
    assert dispute["amount"] == 700


def challenged(sandbox: Sandbox, session: Any) -> str:
    """Where the bank asks, after paying with a card that wants 3-D Secure."""
    answer = sandbox.pay(session, card_number="4000002760003184")
    return str(answer.headers["location"])


def test_a_challenge_of_an_expired_session_says_that_it_has_expired(
    quiet_sandbox: Sandbox,
) -> None:
    session = quiet_sandbox.session()
    address = challenged(quiet_sandbox, session)
    quiet_sandbox.stripe.v1.checkout.sessions.expire(session.id)
    with quiet_sandbox.http as http:
        for answer in (http.get(address), http.post(address, data={"answer": "pass"})):
            assert answer.status_code == 410
            assert "has expired" in answer.text


def test_a_challenge_answered_twice_says_that_it_is_done(quiet_sandbox: Sandbox) -> None:
    address = challenged(quiet_sandbox, quiet_sandbox.session())
    with quiet_sandbox.http as http:
        assert http.post(address, data={"answer": "pass"}).status_code == 303
        for answer in (http.get(address), http.post(address, data={"answer": "pass"})):
            assert answer.status_code == 200
            assert "already done" in answer.text


def test_a_refused_challenge_leads_back_to_the_payment(quiet_sandbox: Sandbox) -> None:
    session = quiet_sandbox.session()
    address = challenged(quiet_sandbox, session)
    with quiet_sandbox.http as http:
        http.post(address, data={"answer": "fail"})
        assert f"/c/pay/{session.id}" in http.get(address).headers["location"]


def test_a_method_that_is_not_offered_is_not_taken(quiet_sandbox: Sandbox) -> None:
    form = {"payment_method_type": "sepa_debit", "iban": "AT611904300234573201"}
    answer = quiet_sandbox.pay(quiet_sandbox.session(), **form, card_number="")
    assert answer.status_code == 422


def test_the_shops_address_for_the_buyer_holds(quiet_sandbox: Sandbox) -> None:
    customer = quiet_sandbox.stripe.v1.customers.create({"email": "ada@example.com"})
    for known in ({"customer": customer.id}, {"customer_email": "ada@example.com"}):
        session = quiet_sandbox.session(**known)
        with quiet_sandbox.http as http:
            assert "ada@example.com" in http.get(session.url).text
        quiet_sandbox.pay(session, email="other@example.com")
        paid = quiet_sandbox.stripe.v1.checkout.sessions.retrieve(session.id)
        assert paid.customer_details.email == "ada@example.com"


def test_a_deleted_customer_is_known_as_deleted(quiet_sandbox: Sandbox) -> None:
    customers = quiet_sandbox.stripe.v1.customers
    gone = customers.create({"email": "gone@example.com"}).id
    customers.delete(gone)
    assert customers.retrieve(gone).to_dict() == {
        "id": gone,
        "object": "customer",
        "deleted": True,
    }
    assert customers.list({"email": "gone@example.com"}).data == []
    assert gone not in [each.id for each in customers.list({"limit": 100}).data]
    for method, form in (("POST", {"name": "Ada"}), ("DELETE", None)):
        with quiet_sandbox.http as http:
            answer = http.request(method, f"/v1/customers/{gone}", data=form)
        assert answer.status_code == 404
