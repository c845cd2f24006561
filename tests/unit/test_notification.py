"""Reading what Stripe sends: published examples, other versions, and what is no event at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inscrit.registrations.lifecycle import CheckoutCompleted, CheckoutExpired, PaymentSucceeded
from inscrit.webhooks.notification import HANDLED, Unreadable, read, report_of

FIXTURES = Path(__file__).parents[3] / "shared" / "stripe" / "fixtures3.json"


def event(type_: str, obj: Any, **more: Any) -> str:
    envelope = {
        "id": "evt_1",
        "type": type_,
        "created": 1_790_000_000,
        "livemode": False,
        "data": {"object": obj},
    }
    return json.dumps(envelope | more)


def test_the_published_example_of_a_session_is_read() -> None:
    if not FIXTURES.exists():
        pytest.skip(f"Stripe's published examples are not beside this checkout ({FIXTURES.name})")
    session = json.loads(FIXTURES.read_text())["resources"]["checkout.session"]
    report = report_of(read(event("checkout.session.completed", session)))
    assert report is not None
    assert isinstance(report.fact, CheckoutCompleted)
    assert report.session == session["id"]


def test_a_session_names_its_registration_in_its_metadata_or_as_its_reference() -> None:
    tagged = {"id": "cs_1", "metadata": {"registrationId": "reg-1"}, "client_reference_id": "x"}
    report = report_of(read(event("checkout.session.expired", tagged)))
    assert report is not None
    assert (report.registration, report.fact) == ("reg-1", CheckoutExpired("cs_1", livemode=False))
    referred = {"id": "cs_1", "client_reference_id": "reg-2", "metadata": {}}
    report = report_of(read(event("checkout.session.expired", referred)))
    assert report is not None
    assert report.registration == "reg-2"


def test_fields_that_are_missing_or_new_do_not_matter() -> None:
    intent = {"id": "pi_1", "amount_received": 5, "currency": "eur", "brand_new": [1, {"a": 2}]}
    report = report_of(read(event("payment_intent.succeeded", intent, api_version=None)))
    assert report is not None
    assert report.fact == PaymentSucceeded("pi_1", 5, "eur", livemode=False)


def test_a_type_that_is_only_logged_is_not_looked_into() -> None:
    assert report_of(read(event("customer.created", {"metadata": 12, "amount_total": "x"}))) is None


@pytest.mark.parametrize("type_", sorted(HANDLED))
def test_an_object_of_the_wrong_shape_is_unreadable_not_an_error(type_: str) -> None:
    with pytest.raises(Unreadable):
        report_of(read(event(type_, {"id": 12})))
    with pytest.raises(Unreadable):
        report_of(read(event(type_, "just a text")))


@pytest.mark.parametrize(
    "said",
    [
        {"payment_status": "brand_new"},
        {"payment_status": None},
        {"payment_status": "paid", "metadata": {"registrationId": "reg-\0"}},
        {"payment_status": "paid", "payment_intent": "pi_\0"},
    ],
)
def test_an_unknown_state_of_payment_is_never_taken_as_paid(said: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        report_of(read(event("checkout.session.completed", {"id": "cs_1"} | said)))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        '"text"',
        "{}",
        '{"id": "evt_1", "type": "a", "created": "soon", "livemode": false, "data": {"object": 1}}',
        event("a", {}).replace('"livemode"', '"id": "evt_2", "livemode"'),
        event("a", {"deep": {"k": 1}}).replace('"k": 1', '"k": 1, "k": 2'),
        event("a b", {}),
        event("line\nbreak", {}),
        event("a", {}, id=""),
        event("a", {}, id="e" * 300),
        event("a", {}, created=-1),
        event("a", {}, created=10**15),
        event("a", {}, created=2**39),
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        event("a", {}).replace("1790000000", "NaN"),
    ],
)
def test_what_is_no_event_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable):
        read(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.sampled_from(sorted(HANDLED)), json_values)
def test_whatever_stands_in_an_event_it_is_read_or_refused(type_: str, obj: Any) -> None:
    try:
        report = report_of(read(event(type_, obj)))
    except Unreadable:
        return
    assert report is not None


@given(st.text())
def test_any_text_at_all_is_read_or_refused(body: str) -> None:
    with pytest.raises(Unreadable):
        read(body)
