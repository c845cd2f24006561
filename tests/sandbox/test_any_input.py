"""Whatever is sent, the answer is Stripe's kind of error and never a failure of the sandbox."""

from contextlib import suppress
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inscrit.sandbox.errors import StripeError
from inscrit.sandbox.forms import parse_form
from inscrit.sandbox.operations import OPERATIONS, Operation
from inscrit.sandbox.parameters import Nothing, declaration, fields_of, is_typeddict

from .conftest import Sandbox

FORMS = [each for each in OPERATIONS if each.method == "POST"]
LISTS = [each for each in OPERATIONS if each.method == "GET" and "{" not in each.template]

ODD = st.one_of(
    st.sampled_from(["", "0", "-1", "1", "2000", "99999999999999", "1.5", "true", "eur", "x", "é"]),
    st.sampled_from(["card", "sepa_debit", "payment", "tok_visa", "pm_card_visa", "http://a.b/c"]),
    st.sampled_from(["9" * 18, "9" * 20, "-" + "9" * 20, "9" * 5000, "²", "-²", "1.²", "٣"]),
    st.text(max_size=8),
)


@given(st.text(max_size=60))
def test_a_form_is_read_or_refused(text: str) -> None:
    with suppress(StripeError):
        parse_form(text)


def values(hint: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of about the right shape, and now and then of another."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_typeddict(hint) and depth < 3:
        return fields(hint, depth + 1)
    if origin is list:
        return st.one_of(st.lists(values(arguments[0], depth), max_size=2).map(numbered), ODD)
    if origin is Literal:
        return st.one_of(st.sampled_from(arguments), ODD)
    if origin is Union or len(arguments) > 1:
        return st.one_of(*(values(each, depth) for each in arguments))
    return st.one_of(ODD, st.dictionaries(st.sampled_from("ab"), ODD, max_size=2))


def numbered(items: list[Any]) -> dict[str, Any]:
    return {str(place): item for place, item in enumerate(items)}


def fields(declared: Any, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    known = fields_of(declared)
    if not known:
        return st.just({})
    names = st.lists(st.sampled_from(sorted(known)), unique=True, max_size=6)
    required = sorted(getattr(declared, "__required_keys__", ()))
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries(
            {name: values(known[name], depth) for name in {*chosen, *required}}
        )
    )


def flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(path, str(value))]
    pairs: list[tuple[str, str]] = []
    for name, each in value.items():
        pairs += flat(each, f"{path}[{name}]" if path else name)
    return pairs


# A little that is right, so that the rest is reached.
USUAL: dict[str, dict[str, Any]] = {
    "/v1/checkout/sessions": {
        "mode": "payment",
        "success_url": "http://a.b/c",
        "line_items": {
            "0": {
                "quantity": 1,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 500,
                    "product_data": {"name": "Lunch"},
                },
            }
        },
    },
    "/v1/payment_intents": {
        "amount": 2000,
        "currency": "eur",
        "confirm": "true",
        "payment_method": "pm_card_visa",
    },
    "/v1/payment_methods": {"type": "card", "card": {"token": "tok_visa"}},
    "/v1/prices": {"currency": "eur", "unit_amount": 500, "product_data": {"name": "Lunch"}},
    "/v1/products": {"name": "Lunch"},
    "/v1/webhook_endpoints": {"url": "http://127.0.0.1:9/", "enabled_events": {"0": "*"}},
}


def declared_by(operation: Operation) -> Any:
    if isinstance(operation.declared, str):
        return declaration(operation.declared)
    return operation.declared or Nothing


def identifiers(sandbox: Sandbox) -> dict[str, str]:
    """One existing object for each placeholder in a path."""
    paid = sandbox.stripe.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_createDispute",
        }
    )
    price = sandbox.stripe.v1.prices.create(
        {"unit_amount": 500, "currency": "eur", "product_data": {"name": "Lunch"}}
    )
    return {
        "charge": paid.latest_charge,
        "customer": sandbox.stripe.v1.customers.create().id,
        "dispute": sandbox.stripe.v1.disputes.list().data[0].id,
        "id": price.product,
        "intent": sandbox.stripe.v1.payment_intents.create({"amount": 500, "currency": "eur"}).id,
        "price": price.id,
        "refund": "re_none",
        "session": sandbox.session().id,
        "webhook_endpoint": "we_none",
    }


@pytest.mark.parametrize("operation", FORMS, ids=lambda each: each.template)
def test_no_parameters_make_the_sandbox_fail(quiet_sandbox: Sandbox, operation: Operation) -> None:
    path = operation.template
    for name, identifier in identifiers(quiet_sandbox).items():
        path = path.replace(f"{{{name}}}", identifier)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(fields(declared_by(operation)))
    def try_it(form: dict[str, Any]) -> None:
        body = urlencode(flat({**USUAL.get(operation.template, {}), **form}))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = http.post(path, content=body, headers=headers)
        assert answer.status_code < 500, (path, form)

    with quiet_sandbox.http as http:
        try_it()


def read(http: httpx.Client, path: str, form: dict[str, Any]) -> None:
    answer = http.get(f"{path}?{urlencode(flat(form))}")
    assert answer.status_code < 500, (path, form)


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.template)
def test_no_query_makes_the_sandbox_fail(quiet_sandbox: Sandbox, operation: Operation) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(fields(declared_by(operation)))
    def try_it(form: dict[str, Any]) -> None:
        read(http, operation.template, form)

    with quiet_sandbox.http as http:
        try_it()


@pytest.mark.parametrize(
    "form",
    [
        {"created": {"gte": "9" * 20}},
        {"created": "9" * 5000},
        {"limit": "9" * 5000},
        {"expand": {"²": "x"}},
        {"types": {"9" * 5000: "charge.failed"}},
    ],
    ids=lambda form: next(iter(form)),
)
def test_numbers_are_ascii_and_of_bearable_length(
    quiet_sandbox: Sandbox, form: dict[str, Any]
) -> None:
    with quiet_sandbox.http as http:
        read(http, "/v1/events", form)


def test_a_price_is_written_in_ascii_digits(quiet_sandbox: Sandbox) -> None:
    form = {"currency": "eur", "unit_amount_decimal": "²", "product_data": {"name": "Lunch"}}
    with quiet_sandbox.http as http:
        answer = http.post("/v1/prices", data=dict(flat(form)))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "unit_amount_decimal"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sessions/{session}/pay", {"card": 123}),
        ("sessions/{session}/pay", {"iban": 123}),
        ("sessions/{session}/pay", {"email": {"a": 1}}),
        ("charges/{charge}/dispute", {"reason": "boredom"}),
        ("test_event", {"type": 5}),
        ("deliveries/resend", {"event": ["a"]}),
        ("deliveries/resend", {}),
    ],
)
def test_the_control_api_refuses_what_it_does_not_understand(
    quiet_sandbox: Sandbox, path: str, body: dict[str, Any]
) -> None:
    names = identifiers(quiet_sandbox)
    with quiet_sandbox.http as http:
        answer = http.post(f"/sandbox/{path.format(**names)}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_fault_of_any_number_can_be_removed(quiet_sandbox: Sandbox) -> None:
    for number in ("9" * 23, "9" * 5000):
        assert quiet_sandbox.control("DELETE", f"/faults/{number}") == []
