"""Trouble on demand."""

import threading
import time
from typing import Any

import httpx
import pytest
import stripe

from .conftest import SECRET, Sandbox, Shop, configuration, running
from .test_webhooks import attempts, eventually, the_event, verifies


def switch_on(sandbox: Sandbox, **fault: Any) -> int:
    return int(sandbox.control("POST", "/faults", **fault)["id"])


def test_a_duplicate_is_the_same_event_again(sandbox: Sandbox, shop: Shop) -> None:
    switch_on(sandbox, kind="duplicate", event="customer.*", times=2)
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    heard = shop.wait_for("customer.created", 3)
    assert len({each.body for each in heard}) == 1


def test_a_dropped_event_is_listed_as_undelivered(sandbox: Sandbox, shop: Shop) -> None:
    switch_on(sandbox, kind="drop", event="customer.created")
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    sandbox.stripe.v1.products.create({"name": "Lunch"})
    shop.wait_for("product.created")
    assert shop.types() == ["product.created"]

    def missed() -> list[stripe.Event]:
        found: list[stripe.Event] = sandbox.stripe.v1.events.list({"delivery_success": False}).data
        return found

    # The shop has what was sent a moment before the sandbox has the shop's answer.
    eventually(lambda: [each.type for each in missed()] == ["customer.created"])
    sandbox.control("POST", "/deliveries/resend", event=missed()[0].id)
    shop.wait_for("customer.created")
    eventually(lambda: not missed())


def test_a_delay_holds_an_event_back(sandbox: Sandbox, shop: Shop) -> None:
    switch_on(sandbox, kind="delay", event="customer.created", seconds=3600)
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    sandbox.stripe.v1.products.create({"name": "Lunch"})
    shop.wait_for("product.created")
    assert not shop.of_type("customer.created")
    sandbox.control("POST", "/clock", advance=3601)
    shop.wait_for("customer.created")


def test_reordered_events_arrive_last_first(sandbox: Sandbox, shop: Shop) -> None:
    switch_on(sandbox, kind="reorder", seconds=0.4)
    sandbox.control("POST", f"/sessions/{sandbox.session().id}/pay")
    shop.wait_for("payment_intent.created")
    order = [kind for kind in shop.types() if not kind.startswith(("product", "price"))]
    assert order == [
        "checkout.session.completed",
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]


def test_a_wrong_secret_and_an_old_timestamp_do_not_verify(sandbox: Sandbox, shop: Shop) -> None:
    switch_on(sandbox, kind="wrong_secret", event="customer.*", remaining=1)
    switch_on(sandbox, kind="stale_timestamp", event="product.*", seconds=301)
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    sandbox.stripe.v1.products.create({"name": "Lunch"})
    assert not verifies(shop.wait_for("customer.created")[0], SECRET)
    assert not verifies(shop.wait_for("product.created")[0], SECRET)
    sandbox.stripe.v1.customers.create({"name": "Bob"})
    assert verifies(shop.wait_for("customer.created", 2)[1], SECRET)


@pytest.mark.parametrize(
    ("fault", "field", "value"),
    [
        ({"kind": "wrong_amount", "amount": -100}, "amount_total", 2900),
        ({"kind": "wrong_currency", "currency": "gbp"}, "currency", "gbp"),
        ({"kind": "live_mode"}, "livemode", True),
    ],
)
def test_what_the_event_says_may_be_wrong_though_well_signed(
    sandbox: Sandbox, shop: Shop, fault: dict[str, Any], field: str, value: Any
) -> None:
    switch_on(sandbox, event="checkout.session.completed", **fault)
    session = sandbox.session()
    sandbox.pay(session)
    [heard] = shop.wait_for("checkout.session.completed")
    assert heard.object[field] == value
    assert verifies(heard, SECRET)
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id)[field] != value


def test_a_fault_can_be_limited_to_one_endpoint(sandbox: Sandbox, shop: Shop) -> None:
    other = sandbox.stripe.v1.webhook_endpoints.create(
        {"url": f"{shop.url}?second", "enabled_events": ["*"]}
    )
    switch_on(sandbox, kind="drop", endpoint=other.id)
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    shop.wait_for("customer.created")
    states = {
        each["endpoint"]: each["state"]
        for each in sandbox.control("GET", "/deliveries")
        if each["type"] == "customer.created"
    }
    assert states.pop(other.id) == "dropped"


def test_an_attempt_shows_the_fault_it_suffered(sandbox: Sandbox, shop: Shop) -> None:
    switch_on(sandbox, kind="duplicate", event="customer.*")
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    event = the_event(sandbox, "customer.created")
    both = eventually(lambda: attempts(sandbox, event.id))
    assert [each["fault"] for each in both] == ["duplicate", "duplicate"]


def test_calls_fail_as_told_and_leave_nothing_behind(sandbox: Sandbox) -> None:
    switch_on(sandbox, kind="error", path="/v1/customers", status=503, remaining=1)
    with pytest.raises(stripe.APIError) as caught:
        sandbox.stripe.v1.customers.create({"name": "Ada"})
    assert caught.value.http_status == 503
    assert not sandbox.stripe.v1.customers.list().data


def test_a_call_may_take_effect_although_its_answer_is_an_error(sandbox: Sandbox) -> None:
    switch_on(sandbox, kind="error", path="/v1/customers", after=True, remaining=1)
    key = {"idempotency_key": "lost-answer"}
    with pytest.raises(stripe.APIError):
        sandbox.stripe.v1.customers.create({"name": "Ada"}, key)
    again = sandbox.stripe.v1.customers.create({"name": "Ada"}, key)
    assert [each.id for each in sandbox.stripe.v1.customers.list().data] == [again.id]


def test_a_call_that_hangs_runs_into_the_callers_timeout(sandbox: Sandbox) -> None:
    switch_on(sandbox, kind="timeout", path="/v1/balance", seconds=5, remaining=1)
    with sandbox.http as http, pytest.raises(httpx.ReadTimeout):
        http.get("/v1/balance", timeout=0.2)


def test_a_key_in_use_is_a_conflict(sandbox: Sandbox) -> None:
    switch_on(sandbox, kind="slow", path="/v1/customers", seconds=1, remaining=1)

    def create() -> int:
        with sandbox.http as http:
            headers = {"Idempotency-Key": "twice"}
            answer = http.post("/v1/customers", data={"name": "Ada"}, headers=headers)
        return answer.status_code

    slow = threading.Thread(target=create)
    slow.start()
    time.sleep(0.3)
    assert create() == 409
    slow.join()
    assert create() == 200


def test_rate_limits_are_stripes_by_default_and_can_be_switched_off() -> None:
    with running(configuration(rate_limits=True)) as sandbox, sandbox.http as http:
        codes = [http.get("/v1/balance").status_code for _ in range(26)]
        assert codes == [200] * 25 + [429]
        limited = http.get("/v1/balance")
        assert limited.headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
        assert limited.json()["error"]["code"] == "rate_limit"
        sandbox.control("POST", "/rate_limits", enabled=False)
        assert http.get("/v1/balance").status_code == 200


def test_faults_are_listed_and_removed(sandbox: Sandbox) -> None:
    number = switch_on(sandbox, kind="rate_limit", path="/v1/balance")
    with pytest.raises(stripe.RateLimitError):
        sandbox.stripe.v1.balance.retrieve()
    assert [each["id"] for each in sandbox.control("GET", "/faults")] == [number]
    sandbox.control("DELETE", "/faults")
    assert sandbox.stripe.v1.balance.retrieve().object == "balance"


def test_a_fault_strikes_with_its_probability_and_counts_its_strikes(sandbox: Sandbox) -> None:
    switch_on(sandbox, kind="rate_limit", path="/v1/balance", probability=0.5)
    switch_on(sandbox, kind="error", path="/v1/balance", probability=0)
    with sandbox.http as http:
        codes = [http.get("/v1/balance").status_code for _ in range(100)]
    assert set(codes) == {200, 429}
    now_and_then, never = sandbox.control("GET", "/faults")
    assert now_and_then["struck"] == codes.count(429)
    assert never["struck"] == 0


def test_a_webhook_fault_strikes_some_events_and_not_others(sandbox: Sandbox, shop: Shop) -> None:
    number = switch_on(sandbox, kind="drop", event="customer.created", probability=0.5)
    for _ in range(40):
        sandbox.stripe.v1.customers.create({"name": "Ada"})
    (fault,) = sandbox.control("GET", "/faults")
    assert fault["id"] == number
    assert 0 < fault["struck"] < 40
    assert len(shop.wait_for("customer.created", 40 - fault["struck"])) == 40 - fault["struck"]


def test_only_occasions_taken_use_up_what_remains(sandbox: Sandbox) -> None:
    switch_on(sandbox, kind="error", path="/v1/balance", probability=0.5, remaining=3)
    with sandbox.http as http:
        codes = [http.get("/v1/balance").status_code for _ in range(100)]
    assert codes.count(500) == 3
    assert sandbox.control("GET", "/faults") == []


@pytest.mark.parametrize("probability", [-0.1, 1.1, "often"])
def test_a_probability_is_between_0_and_1(sandbox: Sandbox, probability: object) -> None:
    with sandbox.http as http:
        wish = {"kind": "drop", "probability": probability}
        assert http.post("/sandbox/faults", json=wish).status_code == 400


def test_a_fault_that_does_not_exist_is_refused(sandbox: Sandbox) -> None:
    with sandbox.http as http:
        answer = http.post("/sandbox/faults", json={"kind": "earthquake"})
    assert answer.status_code == 400
    assert "earthquake" in answer.json()["error"]["message"]
