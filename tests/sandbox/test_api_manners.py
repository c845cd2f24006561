"""Who may call, what is refused and in which words, keys, pages of lists."""

import asyncio
from typing import Any

import pytest
import stripe

from .conftest import Sandbox

V = stripe.api_version


def error_of(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    return found


def test_a_call_without_a_key_is_refused(quiet_sandbox: Sandbox) -> None:
    with quiet_sandbox.http as http:
        answer = http.get("/v1/balance", headers={"Authorization": ""})
    assert answer.status_code == 401
    assert error_of(answer)["message"].startswith("You did not provide an API key.")


def test_any_secret_key_opens_the_account_and_nothing_else_does(quiet_sandbox: Sandbox) -> None:
    for key, status in {
        "sk_test_a": 200,
        "rk_test_b": 200,
        "sk_live_c": 200,
        "nonsense": 401,
    }.items():
        with quiet_sandbox.http as http:
            answer = http.get("/v1/account", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status
    with pytest.raises(stripe.AuthenticationError):
        stripe.StripeClient(
            "pk_test_x", base_addresses={"api": quiet_sandbox.origin}, max_network_retries=0
        ).v1.balance.retrieve()


def test_every_answer_names_its_request_and_the_version(quiet_sandbox: Sandbox) -> None:
    with quiet_sandbox.http as http:
        answer = http.get("/v1/balance", headers={"Stripe-Version": "2020-08-27"})
    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers["Stripe-Version"] == "2020-08-27"


def test_an_unknown_path_gets_stripes_own_error(quiet_sandbox: Sandbox) -> None:
    with quiet_sandbox.http as http:
        answer = http.get("/v1/unicorns")
    assert answer.status_code == 404
    assert error_of(answer)["type"] == "invalid_request_error"
    assert error_of(answer)["message"].startswith("Unrecognized request URL (GET: /v1/unicorns).")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": "abc", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": "", "currency": "eur"}, "parameter_invalid_empty", "amount"),
        ({"amount": 500, "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": 500, "currency": "eur", "shipping[colour]": "red"},
            "parameter_unknown",
            "shipping[colour]",
        ),
        ({"amount": 500, "currency": "xxx"}, None, "currency"),
        ({"amount": 10, "currency": "eur"}, "amount_too_small", "amount"),
        ({"amount": 500, "currency": "eur", "capture_method": "later"}, None, "capture_method"),
        ({"amount": 500, "currency": "eur", "confirm": "maybe"}, None, "confirm"),
        ({"amount": 500, "currency": "eur", "metadata": "x"}, None, "metadata"),
    ],
)
def test_wrong_parameters_are_named(
    quiet_sandbox: Sandbox, params: dict[str, Any], code: str | None, param: str
) -> None:
    with quiet_sandbox.http as http:
        answer = http.post("/v1/payment_intents", data=params)
    assert answer.status_code == 400
    error = error_of(answer)
    assert (error.get("code"), error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"


def test_what_does_not_exist_is_a_404_with_its_parameter(quiet_sandbox: Sandbox) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quiet_sandbox.stripe.v1.payment_intents.retrieve("pi_none")
    assert caught.value.http_status == 404
    assert caught.value.code == "resource_missing"
    assert caught.value.param == "intent"
    assert "No such payment_intent: 'pi_none'" in str(caught.value)


def test_lists_are_read_as_the_library_and_as_the_cli_write_them(quiet_sandbox: Sandbox) -> None:
    with quiet_sandbox.http as http:
        for name in ("enabled_events[]", "enabled_events[0]"):
            answer = http.post(
                "/v1/webhook_endpoints", data={"url": "http://127.0.0.1:9/", name: "charge.failed"}
            )
            assert answer.json()["enabled_events"] == ["charge.failed"]
            assert http.delete(f"/v1/webhook_endpoints/{answer.json()['id']}").json()["deleted"]


def test_older_names_of_parameters_belong_to_older_versions(quiet_sandbox: Sandbox) -> None:
    form = {"amount": 500, "currency": "eur", "payment_method_types[]": "card"}
    with quiet_sandbox.http as http:
        assert http.post("/v1/payment_intents", data=form).status_code == 200
        today = http.post("/v1/payment_intents", data=form, headers={"Stripe-Version": V})
    assert error_of(today)["code"] == "parameter_unknown"


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", "x"])
def test_the_control_api_obeys_no_page_of_another_origin(
    quiet_sandbox: Sandbox, origin: str
) -> None:
    with quiet_sandbox.http as http:
        other = http.post("/sandbox/clock", json={"advance": 0}, headers={"Origin": origin})
        own = {"Origin": quiet_sandbox.origin}
        ours = http.post("/sandbox/clock", json={"advance": 0}, headers=own)
    assert (other.status_code, ours.status_code) == (403, 200)


# Idempotency keys.


def test_the_same_key_gives_the_same_answer(quiet_sandbox: Sandbox) -> None:
    headers = {"Idempotency-Key": "order-1"}
    with quiet_sandbox.http as http:
        first = http.post("/v1/customers", data={"name": "Ada"}, headers=headers)
        again = http.post("/v1/customers", data={"name": "Ada"}, headers=headers)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]


def test_the_order_of_the_parameters_does_not_matter(quiet_sandbox: Sandbox) -> None:
    headers = {"Idempotency-Key": "any-order"}
    form = {"name": "Ada", "metadata[a]": "1", "metadata[b]": "2"}
    with quiet_sandbox.http as http:
        first = http.post("/v1/customers", data=form, headers=headers)
        turned = dict(reversed(form.items()))
        again = http.post("/v1/customers", data=turned, headers=headers)
    assert again.content == first.content


def test_the_same_key_with_other_parameters_or_path_is_an_error(quiet_sandbox: Sandbox) -> None:
    headers = {"Idempotency-Key": "order-2"}
    with quiet_sandbox.http as http:
        http.post("/v1/customers", data={"name": "Ada"}, headers=headers)
        other = http.post("/v1/customers", data={"name": "Bob"}, headers=headers)
        elsewhere = http.post("/v1/products", data={"name": "Ada"}, headers=headers)
    for answer in (other, elsewhere):
        assert answer.status_code == 400
        assert error_of(answer)["type"] == "idempotency_error"


def test_a_declined_payment_is_remembered_and_a_wrong_request_is_not(
    quiet_sandbox: Sandbox,
) -> None:
    form = {
        "amount": 500,
        "currency": "eur",
        "confirm": "true",
        "payment_method": "pm_card_chargeDeclined",
    }
    headers = {"Idempotency-Key": "order-3"}
    with quiet_sandbox.http as http:
        wrong = http.post("/v1/payment_intents", data={"amount": "x"}, headers=headers)
        declined = http.post("/v1/payment_intents", data=form, headers=headers)
        again = http.post("/v1/payment_intents", data=form, headers=headers)
    assert (wrong.status_code, declined.status_code, again.status_code) == (400, 402, 402)
    assert error_of(again)["payment_intent"]["id"] == error_of(declined)["payment_intent"]["id"]


# Lists.


def test_auto_paging_gives_everything_once_newest_first(quiet_sandbox: Sandbox) -> None:
    v1 = quiet_sandbox.stripe.v1
    made = [v1.customers.create({"email": "page@example.com"}).id for _ in range(7)]
    listed = v1.customers.list({"email": "page@example.com", "limit": 3})
    assert listed.has_more
    assert [each.id for each in listed.auto_paging_iter()] == made[::-1]


def test_paging_backwards_goes_from_old_to_new(quiet_sandbox: Sandbox) -> None:
    v1 = quiet_sandbox.stripe.v1
    made = [v1.customers.create({"email": "back@example.com"}).id for _ in range(5)]
    page = v1.customers.list({"email": "back@example.com", "limit": 2, "ending_before": made[0]})
    assert [each.id for each in page.data] == [made[2], made[1]]
    assert page.has_more


def test_a_list_can_be_limited_to_a_time(quiet_sandbox: Sandbox) -> None:
    customer = quiet_sandbox.stripe.v1.customers.create({"email": "time@example.com"})
    find = {"email": "time@example.com"}
    customers = quiet_sandbox.stripe.v1.customers
    assert customers.list({**find, "created": {"gte": customer.created}}).data
    assert not customers.list({**find, "created": {"gt": customer.created}}).data


def test_limits_and_cursors_are_checked(quiet_sandbox: Sandbox) -> None:
    with quiet_sandbox.http as http:
        for query in ("limit=0", "limit=101", "starting_after=cus_none"):
            assert http.get(f"/v1/customers?{query}").status_code in (400, 404)


# Both ways of the library.


def test_the_asynchronous_client_works_too(quiet_sandbox: Sandbox) -> None:
    async def buy() -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(create(each)) for each in range(20)]
        return [task.result() for task in tasks]

    async def create(number: int) -> str:
        client: Any = quiet_sandbox.stripe
        customer = await client.v1.customers.create_async({"name": str(number)})
        found = await client.v1.customers.retrieve_async(customer.id)
        assert found.name == str(number)
        return str(found.id)

    assert len(set(asyncio.run(buy()))) == 20


@pytest.mark.parametrize("name", ["nonsense", "id", "status", "amount_total", "metadata"])
def test_expanding_what_stands_for_nothing_else_is_an_error(
    quiet_sandbox: Sandbox, name: str
) -> None:
    session = quiet_sandbox.session()
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        quiet_sandbox.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": [name]})


def test_metadata_must_be_an_object(quiet_sandbox: Sandbox) -> None:
    with quiet_sandbox.http as http:
        answer = http.post("/v1/customers", data={"metadata": "x"})
    assert error_of(answer)["message"] == "Invalid object"
