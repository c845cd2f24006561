"""What has to be done at Stripe so that one endpoint is as it should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inscrit.payments.stripe_gateway import EndpointState
from inscrit.webhooks.endpoints import EVENTS, Deed, NoAddress, Plan, address, plan
from inscrit.webhooks.notification import HANDLED

HERE = "https://example.org/stripe/webhooks"
VERSION = "2026-10-28.endive"


def endpoint(**said: object) -> EndpointState:
    usual = {
        "id": "we_1", "url": HERE, "enabled": True, "events": HANDLED, "api_version": VERSION,
        "livemode": False,
    }  # fmt: skip
    return EndpointState(**(usual | said))  # type: ignore[arg-type]


def deeds(*known: EndpointState, retire: bool = False) -> list[tuple[Deed, str | None]]:
    steps = plan(HERE, known, VERSION, retire=retire).steps
    return [(step.deed, step.endpoint.id if step.endpoint else None) for step in steps]


def test_where_there_is_none_one_is_made() -> None:
    other = endpoint(url="https://example.org/other")
    assert deeds(other) == [(Deed.CREATE, None)]
    (step,) = plan(HERE, [other], VERSION, retire=False).steps
    assert step.as_text() == f"create: a new endpoint ({HERE} has no endpoint yet)"


def test_what_is_right_is_let_be() -> None:
    assert deeds(endpoint()) == []
    assert deeds(endpoint(url=HERE + "/")) == []


def test_a_missing_event_and_a_needless_one_are_named() -> None:
    wrong = endpoint(events=(HANDLED - {"refund.failed"}) | {"customer.created"})
    (step,) = plan(HERE, [wrong], VERSION, retire=False).steps
    assert step.deed is Deed.SET_EVENTS
    assert step.as_text() == "set events: we_1 (adds refund.failed, takes out customer.created)"


def test_all_events_become_ours_only() -> None:
    (step,) = plan(HERE, [endpoint(events=frozenset("*"))], VERSION, retire=False).steps
    assert step.why == "takes out *"


def test_one_that_was_switched_off_is_switched_on() -> None:
    assert deeds(endpoint(enabled=False)) == [(Deed.ENABLE, "we_1")]


def test_of_several_the_one_that_is_on_is_kept() -> None:
    off, on = endpoint(id="we_off", enabled=False), endpoint(id="we_on")
    assert deeds(off, on) == []


def test_another_version_is_taken_over_by_a_new_endpoint_and_goes_on_delivering() -> None:
    made = plan(HERE, [endpoint(api_version="2024-06-20")], VERSION, retire=True)
    assert [step.deed for step in made.steps] == [Deed.CREATE]
    assert [one.id for one in made.others] == ["we_1"]


def test_the_old_one_is_retired_only_when_told_to() -> None:
    old = endpoint(id="we_old", api_version=None)
    assert deeds(old, endpoint()) == []
    assert deeds(old, endpoint(), retire=True) == [(Deed.DISABLE, "we_old")]


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "https://example.org/", HERE, HERE + "/", f"  {HERE}\n"],
)
def test_the_site_or_the_webhooks_address_will_do(url: str) -> None:
    assert address(url) == HERE


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org", "https://", "https://h:99999", "https://h/x", "https://h/?a"]
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(NoAddress):
        address(url)


endpoints = st.builds(
    EndpointState,
    id=st.uuids().map(str),
    url=st.sampled_from([HERE, HERE + "/", "https://other.org/x"]),
    enabled=st.booleans(),
    events=st.sets(st.sampled_from([*EVENTS, "*", "customer.created"]), min_size=1).map(frozenset),
    api_version=st.sampled_from([VERSION, None, "2020-08-27"]),
    livemode=st.booleans(),
)


def carried_out(made: Plan, known: list[EndpointState]) -> list[EndpointState]:
    after = {one.id: one for one in known}
    for step in made.steps:
        kept = step.endpoint or endpoint(id="new")
        on = step.deed is not Deed.DISABLE
        events = HANDLED if on else kept.events
        after[kept.id] = endpoint(
            id=kept.id, url=kept.url, enabled=on, events=events, api_version=kept.api_version
        )
    return list(after.values())


@given(st.lists(endpoints, max_size=5, unique_by=lambda one: one.id))
def test_a_second_run_finds_nothing_to_do_and_others_are_never_touched(
    known: list[EndpointState],
) -> None:
    first = plan(HERE, known, VERSION, retire=False)
    after = carried_out(first, known)
    assert plan(HERE, after, VERSION, retire=False).steps == []
    retired = carried_out(plan(HERE, after, VERSION, retire=True), after)
    assert plan(HERE, retired, VERSION, retire=True).steps == []
    on = [one for one in retired if one.enabled and one.url.rstrip("/") == HERE]
    assert [one.events for one in on] == [HANDLED]
    others = [one for one in known if one.url == "https://other.org/x"]
    assert [one for one in retired if one in others] == others
