"""The control API under ``/sandbox``: JSON in, JSON out, no key needed.

The dashboard's forms come here too, form-encoded, and are sent back to the dashboard.

====== ===================================== ====================================================
GET    /sandbox/state                        clock, faults, rate limits, endpoints with secrets,
                                             how many Stripe CLIs are listening
POST   /sandbox/clock                        ``{"advance": seconds}``: move the clock forward
POST   /sandbox/sessions/{id}/expire         expire an open session now
POST   /sandbox/sessions/{id}/pay            ``{"card": "4242…"}`` or ``{"iban": "AT61…"}``, and
                                             ``email``, ``name``: pay as a buyer would
POST   /sandbox/payment_intents/{id}/settle  let a direct debit settle now
POST   /sandbox/charges/{id}/refund          ``{"amount": 500}``, in minor units; all without
POST   /sandbox/charges/{id}/dispute         ``{"reason": …, "inquiry": false}``: open a dispute
POST   /sandbox/disputes/{id}/win | lose     decide a dispute
POST   /sandbox/test_event                   ``{"type": "checkout.session.completed"}``: the
                                             Dashboard's "Send test webhook", no metadata
GET    /sandbox/deliveries                   newest first, 200 at most; ``?event=evt_…``,
                                             ``?before=`` a delivery's id: the next page
POST   /sandbox/deliveries/resend            ``{"event": "evt_…"}``, optionally ``endpoint``
GET    /sandbox/faults                       the faults that are on
POST   /sandbox/faults                       switch one on: :class:`inscrit.sandbox.faults.Fault`
DELETE /sandbox/faults, /sandbox/faults/{id} switch all, or one, off
POST   /sandbox/rate_limits                  ``{"enabled": false}``
POST   /sandbox/endpoints/{id}/roll          a new secret; the old one signs as well for
                                             ``{"seconds": 86400}``
====== ===================================== ====================================================
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl, quote

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from inscrit.sandbox import checkout
from inscrit.sandbox.errors import CardError, StripeError, invalid, own_failure
from inscrit.sandbox.events import emit
from inscrit.sandbox.faults import Fault
from inscrit.sandbox.history import deliveries
from inscrit.sandbox.origin import foreign
from inscrit.sandbox.rate_limits import RateLimits
from inscrit.sandbox.resources import checkout_session, dispute, refund, webhook_endpoint
from inscrit.sandbox.resources.payment_method import new_payment_method
from inscrit.sandbox.samples import sample
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

log = structlog.get_logger("inscrit.sandbox")

TEN_YEARS = 10 * 365 * 86400


class ClockMove(msgspec.Struct, forbid_unknown_fields=True):
    advance: Annotated[float, msgspec.Meta(ge=0, le=TEN_YEARS)]


class RefundWish(msgspec.Struct, forbid_unknown_fields=True):
    amount: int | None = None


class Payment(msgspec.Struct, forbid_unknown_fields=True):
    card: str = "4242424242424242"
    iban: str | None = None
    email: str = "buyer@example.com"
    name: str = "Test Buyer"


# https://docs.stripe.com/api/disputes/object#dispute_object-reason
Reason = Literal[
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
]


class Complaint(msgspec.Struct, forbid_unknown_fields=True):
    reason: Reason = "fraudulent"
    inquiry: bool = False


class TestEvent(msgspec.Struct, forbid_unknown_fields=True):
    type: str = "checkout.session.completed"


class Resending(msgspec.Struct, forbid_unknown_fields=True):
    event: str
    endpoint: str | None = None


class Page(msgspec.Struct, forbid_unknown_fields=True):
    event: str | None = None
    before: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None


class Switch(msgspec.Struct, forbid_unknown_fields=True):
    enabled: bool


class Overlap(msgspec.Struct, forbid_unknown_fields=True):
    seconds: Annotated[float, msgspec.Meta(ge=0, le=TEN_YEARS)] = 86400


Wish = TypeVar("Wish")

Action = Callable[[Request, dict[str, Any]], Any]


class Control:
    def __init__(self, sim: Simulator) -> None:
        self.sim = sim

    def routes(self, limits: RateLimits) -> list[BaseRoute]:
        self.limits = limits
        table: list[tuple[str, str, Action]] = [
            ("GET", "/state", self.state),
            ("POST", "/clock", self.move_clock),
            ("POST", "/sessions/{id}/expire", self.expire),
            ("POST", "/sessions/{id}/pay", self.pay),
            ("POST", "/payment_intents/{id}/settle", self.settle),
            ("POST", "/charges/{id}/refund", self.refund),
            ("POST", "/charges/{id}/dispute", self.dispute),
            ("POST", "/disputes/{id}/win", self.win),
            ("POST", "/disputes/{id}/lose", self.lose),
            ("POST", "/test_event", self.send_test_event),
            ("GET", "/deliveries", self.list_deliveries),
            ("POST", "/deliveries/resend", self.resend),
            ("GET", "/faults", self.list_faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("DELETE", "/faults/{id}", self.remove_fault),
            ("POST", "/faults/{id}/remove", self.remove_fault),
            ("POST", "/rate_limits", self.set_rate_limits),
            ("POST", "/endpoints/{id}/roll", self.roll),
        ]
        return [
            Route("/sandbox" + path, answering(action), methods=[method])
            for method, path, action in table
        ]

    def state(self, _: Request, __: dict[str, Any]) -> Any:
        endpoints = [
            {**each, "secrets": self.sim.store.hidden(each["id"])["secrets"]}
            for each in self.sim.endpoints()
        ]
        return {
            "account": self.sim.account,
            "now": self.sim.clock.seconds(),
            "offset": self.sim.clock.offset,
            "rate_limits": self.limits.enabled,
            "faults": list(self.sim.faults.active.values()),
            "endpoints": endpoints,
            "listeners": len(self.sim.listeners.queues),
        }

    def move_clock(self, _: Request, given: dict[str, Any]) -> Any:
        self.sim.advance(convert(given, ClockMove).advance)
        return {"now": self.sim.clock.seconds(), "offset": self.sim.clock.offset}

    def expire(self, request: Request, _: dict[str, Any]) -> Any:
        with self.sim.transaction():
            session = self.sim.need("checkout.session", request.path_params["id"])
            checkout.need_open(session)
            return checkout_session.expire_session(self.sim, session)

    def pay(self, request: Request, given: dict[str, Any]) -> Any:
        wish = convert(given, Payment)
        with self.sim.transaction():
            session = self.sim.need("checkout.session", request.path_params["id"])
            method = new_payment_method(self.sim, payment_method(wish))
            try:
                return checkout.pay(self.sim, session, method)
            except CardError as error:
                # What the bank declined has happened, and is kept.
                return error

    def settle(self, request: Request, _: dict[str, Any]) -> Any:
        identifier = request.path_params["id"]
        with self.sim.transaction():
            if not self.sim.timers.bring_forward(identifier):
                raise invalid("Nothing is on its way for this payment intent.", "id")
        self.sim.tick()
        return self.sim.need("payment_intent", identifier)

    def refund(self, request: Request, given: dict[str, Any]) -> Any:
        asked = convert(given, RefundWish)
        with self.sim.transaction():
            charge = self.sim.need("charge", request.path_params["id"])
            params = {} if asked.amount is None else {"amount": asked.amount}
            return refund.new_refund(self.sim, charge, params)

    def dispute(self, request: Request, given: dict[str, Any]) -> Any:
        wish = convert(given, Complaint)
        with self.sim.transaction():
            charge = self.sim.need("charge", request.path_params["id"])
            need_disputable(charge)
            return dispute.open_dispute(self.sim, charge, wish.reason, inquiry=wish.inquiry)

    def win(self, request: Request, _: dict[str, Any]) -> Any:
        return self.decide(request, won=True)

    def lose(self, request: Request, _: dict[str, Any]) -> Any:
        return self.decide(request, won=False)

    def decide(self, request: Request, *, won: bool) -> Any:
        with self.sim.transaction():
            found = self.sim.need("dispute", request.path_params["id"])
            return dispute.finish(self.sim, found, won=won)

    def send_test_event(self, _: Request, given: dict[str, Any]) -> Any:
        kind = convert(given, TestEvent).type
        with self.sim.transaction():
            return emit(self.sim, kind, sample(self.sim, kind))

    def list_deliveries(self, request: Request, _: dict[str, Any]) -> Any:
        wish = convert(dict(request.query_params), Page)
        return deliveries(self.sim.store, wish.event, wish.before)

    def resend(self, _: Request, given: dict[str, Any]) -> Any:
        wish = convert(given, Resending)
        with self.sim.transaction():
            event = self.sim.need("event", wish.event)
            for endpoint in self.sim.endpoints():
                if wish.endpoint in (None, endpoint["id"]):
                    self.sim.deliveries.resend(event["id"], endpoint["id"])
        self.sim.deliveries.wake.set()
        return event

    def list_faults(self, _: Request, __: dict[str, Any]) -> Any:
        return list(self.sim.faults.active.values())

    def add_fault(self, _: Request, given: dict[str, Any]) -> Any:
        fault = convert(given, Fault)
        with self.sim.transaction():
            return self.sim.faults.add(fault)

    def clear_faults(self, _: Request, __: dict[str, Any]) -> Any:
        with self.sim.transaction():
            self.sim.faults.clear()
        return []

    def remove_fault(self, request: Request, _: dict[str, Any]) -> Any:
        with self.sim.transaction():
            for fault in list(self.sim.faults.active):
                if str(fault) == request.path_params["id"]:
                    self.sim.faults.remove(fault)
        return list(self.sim.faults.active.values())

    def set_rate_limits(self, _: Request, given: dict[str, Any]) -> Any:
        self.limits.enabled = convert(given, Switch).enabled
        self.sim.feed.changed()
        return {"enabled": self.limits.enabled}

    def roll(self, request: Request, given: dict[str, Any]) -> Any:
        until = self.sim.clock.real() + convert(given, Overlap).seconds
        secret = webhook_endpoint.new_secret()
        with self.sim.transaction():
            endpoint = self.sim.need("webhook_endpoint", request.path_params["id"])
            webhook_endpoint.roll(self.sim, endpoint, secret, until)
        return {**endpoint, "secret": secret}


def need_disputable(charge: StripeObject) -> None:
    """Nobody disputes what was not taken from them, or was given back."""
    if not (charge["paid"] and charge["captured"]):
        raise invalid("This charge has not been paid.", "id")
    if charge["refunded"]:
        raise invalid("This charge has been refunded in full.", "id")
    if charge["disputed"]:
        raise invalid("This charge has already been disputed.", "id")


def payment_method(wish: Payment) -> dict[str, Any]:
    billing = {"billing_details": {"email": wish.email, "name": wish.name}}
    if wish.iban:
        return {"type": "sepa_debit", "sepa_debit": {"iban": wish.iban}, **billing}
    card = {"number": wish.card, "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    return {"type": "card", "card": card, **billing}


def answering(action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if foreign(request):
            return as_json({"error": {"message": "Not from another site."}}, 403)
        is_form = request.headers.get("content-type", "").startswith(FORM)
        try:
            body = await request.body()
            found = action(request, read_form(body) if is_form else read_json(body))
        except StripeError as error:
            found = error
        except Exception:
            log.exception("the sandbox itself failed", path=request.url.path)
            found = own_failure()
        return to_dashboard(found) if is_form else in_json(found)

    return answer


FORM = "application/x-www-form-urlencoded"


def to_dashboard(found: Any) -> Response:
    error = f"?error={quote(str(found))}" if isinstance(found, StripeError) else ""
    return RedirectResponse(f"/dashboard{error}", 303)


def in_json(found: Any) -> Response:
    if isinstance(found, StripeError):
        return as_json(found.body(), found.status)
    return as_json(found)


def read_form(body: bytes) -> dict[str, Any]:
    """What was left empty was not meant."""
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def convert(given: dict[str, Any], kind: type[Wish]) -> Wish:
    """Typed, whether it came as JSON or as the texts of a form."""
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error


def read_json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    except msgspec.DecodeError as error:
        raise invalid(f"The body is not a JSON object: {error}") from error


def as_json(item: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(item), status, media_type="application/json")
