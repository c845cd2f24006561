"""Deliveries: signed, retried, counted, resent."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from .conftest import SECRET, Received, Sandbox, Shop, configuration, running


def eventually(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait until the condition holds, and return what it found."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def the_event(sandbox: Sandbox, kind: str) -> Any:
    return sandbox.stripe.v1.events.list({"type": kind}).data[0]


def attempts(sandbox: Sandbox, event: str) -> list[dict[str, Any]]:
    [delivery] = sandbox.control("GET", f"/deliveries?event={event}")
    found: list[dict[str, Any]] = delivery["attempts"]
    return found


def verifies(received: Received, secret: str) -> bool:
    try:
        stripe.Webhook.construct_event(received.body, received.headers["Stripe-Signature"], secret)
    except stripe.SignatureVerificationError:
        return False
    return True


@pytest.mark.parametrize("answer", [500, 400, 302])
def test_anything_but_2xx_is_retried_until_it_is(sandbox: Sandbox, shop: Shop, answer: int) -> None:
    shop.answers = [answer, answer]
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    heard = shop.wait_for("customer.created", 3)
    assert len({each.event["id"] for each in heard}) == 1
    event = the_event(sandbox, "customer.created")
    eventually(lambda: len(attempts(sandbox, event.id)) == 3)
    assert [each["status"] for each in attempts(sandbox, event.id)] == [answer, answer, 200]
    assert attempts(sandbox, event.id)[0]["answer"] == "ok"


def test_every_retry_is_signed_anew(sandbox: Sandbox, shop: Shop) -> None:
    shop.answers = [500]
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    heard = shop.wait_for("customer.created", 2)
    assert all(verifies(each, SECRET) for each in heard)


def test_pending_webhooks_counts_down_when_the_event_is_delivered(
    sandbox: Sandbox, shop: Shop
) -> None:
    shop.answer_to = lambda _: 503
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    shop.wait_for("customer.created")
    event = the_event(sandbox, "customer.created")
    assert event.pending_webhooks == 1
    failed = sandbox.stripe.v1.events.list({"delivery_success": False})
    assert [each.id for each in failed.data] == [event.id]
    shop.answer_to = lambda _: 200
    eventually(lambda: the_event(sandbox, "customer.created").pending_webhooks == 0)
    assert not sandbox.stripe.v1.events.list({"delivery_success": False}).data


def test_after_the_last_retry_it_stays_undelivered_until_it_is_resent(
    sandbox: Sandbox, shop: Shop
) -> None:
    shop.answer_to = lambda _: 500
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    shop.wait_for("customer.created", 4)
    event = the_event(sandbox, "customer.created")
    eventually(
        lambda: sandbox.control("GET", f"/deliveries?event={event.id}")[0]["state"] == "failed"
    )
    shop.answer_to = lambda _: 200
    sandbox.control("POST", "/deliveries/resend", event=event.id)
    shop.wait_for("customer.created", 5)
    eventually(lambda: the_event(sandbox, "customer.created").pending_webhooks == 0)


def test_an_endpoint_that_does_not_answer_in_time_has_failed(shop: Shop) -> None:
    shop.answer_late(1)
    config = configuration(webhook_url=shop.url, webhook_timeout=0.3, retry_delays=(60,))
    with running(config) as sandbox:
        sandbox.stripe.v1.customers.create({"name": "Ada"})
        event = the_event(sandbox, "customer.created")
        [attempt] = eventually(lambda: attempts(sandbox, event.id))
    assert (attempt["status"], attempt["answer"]) == (None, "no answer in time")


def test_the_buyer_is_sent_back_even_if_the_shop_never_answers(shop: Shop) -> None:
    shop.answer_late(2)
    with running(configuration(webhook_url=shop.url, patience=0.2)) as sandbox:
        assert sandbox.pay(sandbox.session()).status_code == 303


def test_retries_wait_on_the_sandboxs_clock(shop: Shop) -> None:
    shop.answers = [500]
    config = configuration(webhook_url=shop.url, webhook_secret=SECRET, retry_delays=(3600,))
    with running(config) as sandbox:
        sandbox.stripe.v1.customers.create({"name": "Ada"})
        event = the_event(sandbox, "customer.created")
        eventually(lambda: attempts(sandbox, event.id))
        sandbox.control("POST", "/clock", advance=3601)
        late = shop.wait_for("customer.created", 2)
    # The receiver's clock was not moved, so the signature's must not be either.
    assert verifies(late[1], SECRET)


def test_an_endpoint_gets_only_what_it_asked_for(sandbox: Sandbox, shop: Shop) -> None:
    [mine] = sandbox.stripe.v1.webhook_endpoints.list().data
    sandbox.stripe.v1.webhook_endpoints.update(mine.id, {"enabled_events": ["product.created"]})
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    sandbox.stripe.v1.products.create({"name": "Lunch"})
    shop.wait_for("product.created")
    assert shop.types() == ["product.created"]
    assert the_event(sandbox, "customer.created").pending_webhooks == 0


def test_a_disabled_endpoint_gets_no_more_retries(sandbox: Sandbox, shop: Shop) -> None:
    shop.answer_to = lambda _: 500
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    shop.wait_for("customer.created")
    [mine] = sandbox.stripe.v1.webhook_endpoints.list().data
    sandbox.stripe.v1.webhook_endpoints.update(mine.id, {"disabled": True})
    event = the_event(sandbox, "customer.created")
    eventually(
        lambda: sandbox.control("GET", f"/deliveries?event={event.id}")[0]["state"] == "failed"
    )


def test_two_endpoints_each_have_their_own_secret(sandbox: Sandbox, shop: Shop) -> None:
    other = sandbox.stripe.v1.webhook_endpoints.create(
        {"url": f"{shop.url}?second", "enabled_events": ["*"]}
    )
    assert other.secret.startswith("whsec_")
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    heard = shop.wait_for("customer.created", 2)
    found = [[verifies(each, secret) for each in heard] for secret in (SECRET, other.secret)]
    assert sorted(found) == [[False, True], [True, False]]
    retrieved = sandbox.stripe.v1.webhook_endpoints.retrieve(other.id)
    assert "secret" not in retrieved


def test_while_a_secret_is_rolled_both_sign(sandbox: Sandbox, shop: Shop) -> None:
    [mine] = sandbox.stripe.v1.webhook_endpoints.list().data
    new = sandbox.control("POST", f"/endpoints/{mine.id}/roll", seconds=3600)["secret"]
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    [heard] = shop.wait_for("customer.created")
    assert heard.headers["Stripe-Signature"].count("v1=") == 2
    assert verifies(heard, SECRET)
    assert verifies(heard, new)
    sandbox.control("POST", f"/endpoints/{mine.id}/roll", seconds=0)
    sandbox.stripe.v1.customers.create({"name": "Bob"})
    assert not verifies(shop.wait_for("customer.created", 2)[1], new)


def test_events_can_be_listed_by_type(sandbox: Sandbox) -> None:
    sandbox.stripe.v1.customers.create({"name": "Ada"})
    sandbox.stripe.v1.products.create({"name": "Lunch"})
    events = sandbox.stripe.v1.events
    both = events.list({"types": ["customer.created", "product.created"]}).data
    assert [each.type for each in both] == ["product.created", "customer.created"]
    assert [each.type for each in events.list({"type": "customer.*"}).data] == ["customer.created"]
    with pytest.raises(stripe.InvalidRequestError):
        events.list({"type": "a", "types": ["b"]})


def test_an_event_says_which_call_caused_it(sandbox: Sandbox) -> None:
    sandbox.stripe.v1.customers.create({"name": "Ada"}, {"idempotency_key": "ada-1"})
    event = the_event(sandbox, "customer.created")
    assert event.request.idempotency_key == "ada-1"
    assert event.request.id.startswith("req_")


@pytest.mark.parametrize("url", ["nonsense", "ftp://a.b/c", "http://", "http://a:99999/"])
def test_an_endpoint_needs_an_address(quiet_sandbox: Sandbox, url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        quiet_sandbox.stripe.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    assert caught.value.code == "url_invalid"


def test_the_dashboards_test_event_belongs_to_nobody(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.control("POST", "/test_event")
    [heard] = shop.wait_for("checkout.session.completed")
    assert heard.object["metadata"] == {}
    assert heard.object["client_reference_id"] is None
    assert verifies(heard, SECRET)


def test_deliveries_are_listed_page_by_page(sandbox: Sandbox, shop: Shop) -> None:
    for _ in range(3):
        sandbox.stripe.v1.customers.create({"name": "Ada"})
    shop.wait_for("customer.created", 3)
    every = [each["id"] for each in sandbox.control("GET", "/deliveries")]
    older = sandbox.control("GET", f"/deliveries?before={every[0]}")
    assert [each["id"] for each in older] == every[1:]
    assert sandbox.control("GET", f"/deliveries?before={every[-1]}") == []


@pytest.mark.parametrize("query", ["before=soon", f"before={2**70}", "after=1"])
def test_an_odd_page_of_deliveries_is_refused(sandbox: Sandbox, query: str) -> None:
    with sandbox.http as http:
        assert http.get(f"/sandbox/deliveries?{query}").status_code == 400


class OldFashioned(BaseHTTPRequestHandler):
    """Speaks HTTP/1.0: its answer ends where the connection ends."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


def test_an_answer_may_end_with_the_connection() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), OldFashioned) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with running(configuration(webhook_url=f"http://127.0.0.1:{server.server_port}/")) as ours:
            ours.stripe.v1.customers.create({"name": "Ada"})
            event = the_event(ours, "customer.created")
            [attempt] = eventually(lambda: attempts(ours, event.id))
        server.shutdown()
    assert (attempt["status"], attempt["answer"]) == (200, "thanks")
