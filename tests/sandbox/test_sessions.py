"""Checkout sessions from creation to expiry."""

import time
from typing import Any

import pytest
import stripe

from .conftest import Sandbox, Shop


def test_a_session_shows_what_was_asked_for(quiet_sandbox: Sandbox) -> None:
    session = quiet_sandbox.session(
        client_reference_id="reg-1", metadata={"registrationId": "reg-1"}, locale="fr"
    )
    assert session.amount_total == 3000
    assert session.client_reference_id == "reg-1"
    assert session.metadata["registrationId"] == "reg-1"
    assert session.status == "open"
    assert session.url.startswith(quiet_sandbox.origin)
    assert session.expires_at == session.created + 24 * 3600


def test_line_items_are_listed_in_their_order(quiet_sandbox: Sandbox) -> None:
    v1 = quiet_sandbox.stripe.v1
    product = v1.products.create({"name": "Lunch"})
    price = v1.prices.create({"product": product.id, "unit_amount": 700, "currency": "eur"})
    items = [
        {"price": price.id, "quantity": 3},
        {
            "quantity": 1,
            "price_data": {
                "currency": "eur",
                "unit_amount": 100,
                "product_data": {"name": "Badge"},
            },
        },
    ]
    session = quiet_sandbox.session(line_items=items)
    lines = v1.checkout.sessions.line_items.list(session.id)
    assert [(line.description, line.amount_total) for line in lines.data] == [
        ("Lunch", 2100),
        ("Badge", 100),
    ]


@pytest.mark.parametrize("seconds", [60, 25 * 3600])
def test_a_session_lives_half_an_hour_to_a_day(quiet_sandbox: Sandbox, seconds: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quiet_sandbox.session(expires_at=int(time.time()) + seconds)
    assert caught.value.param == "expires_at"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"discounts": [{"coupon": "all"}]}, "discounts"),
        ({"line_items": []}, "line_items"),
        ({"locale": "xx"}, "locale"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(
    quiet_sandbox: Sandbox, wrong: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quiet_sandbox.session(**wrong)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [
        ({"success_url": "foo"}, "success_url", "url_invalid"),
        ({"success_url": "javascript:alert(1)"}, "success_url", "url_invalid"),
        ({"cancel_url": "/basket"}, "cancel_url", "url_invalid"),
        ({"return_url": "http://"}, "return_url", "url_invalid"),
        ({"customer_email": "nobody"}, "customer_email", "email_invalid"),
        ({"customer": "cus_1", "customer_email": "a@example.com"}, "customer", None),
    ],
)
def test_addresses_are_checked(
    quiet_sandbox: Sandbox, wrong: dict[str, Any], param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quiet_sandbox.session(**wrong)
    assert (caught.value.http_status, caught.value.param, caught.value.code) == (400, param, code)


def test_a_total_has_an_upper_bound(quiet_sandbox: Sandbox) -> None:
    item = {"currency": "eur", "unit_amount": 99_999_999, "product_data": {"name": "Castle"}}
    assert quiet_sandbox.session(line_items=[{"quantity": 1, "price_data": item}]).url
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quiet_sandbox.session(line_items=[{"quantity": 2, "price_data": item}])
    assert caught.value.code == "amount_too_large"


def test_expiring_an_open_session_tells_the_shop(sandbox: Sandbox, shop: Shop) -> None:
    session = sandbox.session(metadata={"registrationId": "reg-9"})
    expired = sandbox.stripe.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    [heard] = shop.wait_for("checkout.session.expired")
    assert heard.object["metadata"] == {"registrationId": "reg-9"}


def test_only_open_sessions_can_be_expired(quiet_sandbox: Sandbox) -> None:
    session = quiet_sandbox.session()
    quiet_sandbox.pay(session)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quiet_sandbox.stripe.v1.checkout.sessions.expire(session.id)
    assert caught.value.user_message == (
        'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session '
        "has a status of complete."
    )


def test_moving_the_clock_past_its_end_expires_a_session(sandbox: Sandbox, shop: Shop) -> None:
    session = sandbox.session(expires_at=int(time.time()) + 1800)
    sandbox.control("POST", "/clock", advance=1700)
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id).status == "open"
    sandbox.control("POST", "/clock", advance=120)
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"
    shop.wait_for("checkout.session.expired")


def test_an_application_whose_clock_was_not_moved_gets_the_lifetime_it_meant(
    sandbox: Sandbox,
) -> None:
    sandbox.control("POST", "/clock", advance=40 * 3600)
    session = sandbox.session(expires_at=int(time.time()) + 1800)
    sandbox.control("POST", "/clock", advance=1700)
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_session_over_nothing_is_completed_without_a_payment(
    sandbox: Sandbox, shop: Shop
) -> None:
    item = {"currency": "eur", "unit_amount": 0, "product_data": {"name": "Free place"}}
    session = sandbox.session(line_items=[{"quantity": 1, "price_data": item}])
    assert sandbox.pay(session).status_code == 303
    [completed] = shop.wait_for("checkout.session.completed")
    assert completed.object["payment_status"] == "no_payment_required"
    assert completed.object["payment_intent"] is None


def test_a_customer_is_made_of_the_buyer_if_asked_for(quiet_sandbox: Sandbox) -> None:
    session = quiet_sandbox.session(customer_creation="always")
    quiet_sandbox.pay(session, card_number="4000000000000002")
    quiet_sandbox.pay(session)
    found = quiet_sandbox.stripe.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["customer", "payment_intent"]}
    )
    assert (found.customer.email, found.customer.name) == ("buyer@example.com", "Ada Buyer")
    assert found.payment_intent.customer == found.customer.id


def test_a_customer_that_does_not_exist_is_refused(quiet_sandbox: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_none'"):
        quiet_sandbox.session(customer="cus_none")


def test_an_expired_session_can_be_recovered_as_a_new_one(quiet_sandbox: Sandbox) -> None:
    session = quiet_sandbox.session(after_expiration={"recovery": {"enabled": True}})
    expired = quiet_sandbox.stripe.v1.checkout.sessions.expire(session.id)
    with quiet_sandbox.http as http:
        answer = http.get(expired.after_expiration.recovery.url)
    again = quiet_sandbox.stripe.v1.checkout.sessions.retrieve(
        answer.headers["location"].rpartition("/")[2]
    )
    assert (again.status, again.recovered_from) == ("open", session.id)
