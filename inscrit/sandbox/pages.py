"""The hosted checkout page. It works without JavaScript: plain forms, plain redirects."""

import re
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from inscrit.sandbox import checkout
from inscrit.sandbox.errors import CardError, StripeError
from inscrit.sandbox.money import written
from inscrit.sandbox.origin import foreign
from inscrit.sandbox.resources import checkout_session
from inscrit.sandbox.resources.payment_method import SIMULATED, new_payment_method
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.texts import TEXTS, language_of, said_by_bank

Form = dict[str, str]

# Nothing from elsewhere, and in nobody's frame.
POLICY = {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"}

EXPIRY = re.compile(r"\s*(\d{1,2})\s*[/ -]?\s*(?:20)?(\d{2})\s*")


Answer = Callable[["Pages", Request], Awaitable[Response]]


def from_here(answer: Answer) -> Answer:
    """Obey no form that another site's page has sent."""

    @wraps(answer)
    async def guarded(pages: "Pages", request: Request) -> Response:
        if foreign(request):
            return PlainTextResponse("This form was sent by another site.", 403)
        return await answer(pages, request)

    return guarded


class Pages:
    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/c/pay/{id}", self.show, methods=["GET"]),
            Route("/c/pay/{id}", self.pay, methods=["POST"]),
            Route("/c/challenge/{id}", self.challenge, methods=["GET"]),
            Route("/c/challenge/{id}", self.answer_challenge, methods=["POST"]),
            Route("/c/recover/{id}", self.recover, methods=["GET"]),
            Route("/receipts/{id}", self.receipt, methods=["GET"]),
            Route("/dashboard/events/{id}", self.event, methods=["GET"]),
        ]

    # Paying.

    async def show(self, request: Request) -> Response:
        session = self.session(request)
        if session is None or session["status"] != "open":
            return self.closed(request, session)
        return self.form(request, session, {}, self.last_error(request, session))

    def session(self, request: Request) -> StripeObject | None:
        return self.sim.store.get("checkout.session", request.path_params["id"])

    def known_email(self, session: StripeObject) -> Form:
        """The address the shop has given, if any: the buyer cannot change it."""
        email = session["customer_email"]
        if session["customer"] and session["customer_creation"] != "always":
            customer = self.sim.store.get("customer", session["customer"])
            email = customer.get("email") if customer else None
        return {"email": email} if email else {}

    def last_error(self, request: Request, session: StripeObject) -> dict[str, str]:
        if "retry" not in request.query_params or not session["payment_intent"]:
            return {}
        intent = self.sim.need("payment_intent", session["payment_intent"])
        error = intent["last_payment_error"]
        language = self.language(request, session)
        return {"": said_by_bank(error, language)} if error else {}

    @from_here
    async def pay(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        # From here on nobody else has a turn: what is open is still so when it is paid.
        session = self.session(request)
        if session is None or session["status"] != "open":
            return self.closed(request, session)
        form |= self.known_email(session)
        language = self.language(request, session)
        if wrong := mistakes(session, form, TEXTS[language]):
            return self.form(request, session, form, wrong, 422)
        return await self.carry_out(request, session["id"], form)

    async def carry_out(self, request: Request, identifier: str, form: Form) -> Response:
        try:
            self.attempt(identifier, form)
        except StripeError as error:
            session = self.sim.need("checkout.session", identifier)
            told = said_by_bank(error.body()["error"], self.language(request, session))
            return self.form(request, session, form, {place_of(error): told}, 402)
        return await self.go_on(self.sim.need("checkout.session", identifier))

    def attempt(self, identifier: str, form: Form) -> None:
        """Pay in one transaction; a decline is kept, any other error undoes everything."""
        declined: CardError | None = None
        with self.sim.transaction():
            session = self.sim.need("checkout.session", identifier)
            try:
                if session["payment_status"] == "no_payment_required":
                    checkout.take_for_nothing(self.sim, session, form["email"])
                else:
                    method = new_payment_method(self.sim, payment_method(session, form))
                    checkout.pay(self.sim, session, method)
            except CardError as error:
                declined = error
        if declined:
            raise declined

    async def go_on(self, session: StripeObject) -> Response:
        """To the bank's challenge, or back to the shop once its webhook has answered."""
        if session["status"] == "open":
            return see_other(f"/c/challenge/{session['payment_intent']}")
        completed = "checkout.session.completed"
        for event in [each for each in self.sim.emitted if each["type"] == completed]:
            await self.sim.deliveries.first_answer(event["id"], self.sim.config.patience)
        return see_other(success_url(session))

    # 3-D Secure.

    async def challenge(self, request: Request) -> Response:
        intent = self.sim.store.get("payment_intent", request.path_params["id"])
        if intent is None or not self.awaits_answer(intent):
            return self.closed(request, self.session_of(intent))
        session = self.session_of(intent)
        method = self.sim.need("payment_method", intent["payment_method"])
        shown = {"intent": intent, "last4": method["card"]["last4"]}
        return self.render(request, "challenge.html", session, shown)

    @from_here
    async def answer_challenge(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        intent = self.sim.store.get("payment_intent", request.path_params["id"])
        if intent is None or not self.awaits_answer(intent):
            return self.closed(request, self.session_of(intent))
        return_url = (intent["next_action"] or {})["redirect_to_url"]["return_url"]
        with self.sim.transaction():
            session = checkout.session_of(self.sim, intent)
            try:
                checkout.authenticate(self.sim, intent, passed=form.get("answer") == "pass")
            except CardError:
                return see_other(f"/c/pay/{session['id']}?retry=1" if session else return_url)
        if session is None:
            return see_other(return_url)
        return await self.go_on(self.sim.need("checkout.session", session["id"]))

    def session_of(self, intent: StripeObject | None) -> StripeObject | None:
        return checkout.session_of(self.sim, intent) if intent else None

    def awaits_answer(self, intent: StripeObject) -> bool:
        session = self.session_of(intent)
        if session and session["status"] != "open":
            return False
        return str(intent["status"]) == "requires_action"

    # Afterwards.

    async def receipt(self, request: Request) -> Response:
        charge = self.sim.store.first("charge", payment_intent=request.path_params["id"])
        if charge is None:
            return self.closed(request, None)
        return self.render(request, "receipt.html", None, {"charge": charge})

    async def event(self, request: Request) -> Response:
        """An event's payload, as it is sent."""
        event = self.sim.store.get("event", request.path_params["id"])
        if event is None:
            return self.closed(request, None)
        payload = msgspec.json.format(msgspec.json.encode(event), indent=2).decode()
        return self.render(request, "event.html", None, {"event": event, "payload": payload})

    async def unknown(self, request: Request, _: Exception) -> Response:
        """For programs the plain error, for people a page."""
        if request.url.path.startswith(("/v1/", "/sandbox/", "/static/")):
            return PlainTextResponse("Not Found", 404)
        return self.closed(request, None)

    async def recover(self, request: Request) -> Response:
        """An expired session comes back as a new one, a copy (``after_expiration.recovery``)."""
        identifier = request.path_params["id"].rpartition("_")[0]
        session = self.sim.store.get("checkout.session", identifier)
        if session is None or session["status"] != "expired":
            return self.closed(request, session)
        with self.sim.transaction():
            again = checkout_session.recover(self.sim, session)
        return see_other(again["url"])

    # Looks.

    def form(
        self,
        request: Request,
        session: StripeObject,
        form: Form,
        wrong: dict[str, str],
        status: int = 200,
    ) -> Response:
        kinds = offered(session)
        shown = {
            "session": session,
            "items": self.sim.store.hidden(session["id"])["line_items"],
            "fixed_email": self.known_email(session).get("email"),
            "kinds": kinds,
            "kind": kind_of(session, form),
            "form": form,
            "wrong": wrong,
            "first_wrong": next(iter(wrong), "email"),
            "free": session["payment_status"] == "no_payment_required",
            "label": button(session, self.language(request, session)),
            "test_numbers": test_numbers(kinds, TEXTS[self.language(request, session)]),
        }
        return self.render(request, "pay.html", session, shown, status)

    def closed(self, request: Request, session: StripeObject | None) -> Response:
        if session and session["status"] == "open":
            return see_other(f"/c/pay/{session['id']}?retry=1")
        state = session["status"] if session else "unknown"
        status = {"expired": 410, "unknown": 404}.get(state, 200)
        shown = {"state": state, "onward": onward(session)}
        return self.render(request, "closed.html", session, shown, status)

    def language(self, request: Request, session: StripeObject | None) -> str:
        locale = session["locale"] if session else self.sim.config.language
        return language_of(locale, request.headers.get("accept-language", ""))

    def render(
        self,
        request: Request,
        template: str,
        session: StripeObject | None,
        shown: dict[str, Any],
        status: int = 200,
    ) -> Response:
        language = self.language(request, session)
        html = self.templates.get_template(template).render(
            t=TEXTS[language],
            language=language,
            shop=TEXTS[language]["shop"],
            money=lambda amount, currency: written(amount, currency, language),
            **{"session": session, **shown},
        )
        return HTMLResponse(html, status, POLICY)


TEST_NUMBERS = (
    ("card", "4242 4242 4242 4242", "good_card"),
    ("card", "4000 0027 6000 3184", "secure_card"),
    ("card", "4000 0000 0000 0002", "declined_card"),
    ("card", "4000 0000 0000 9995", "poor_card"),
    ("card", "4000 0000 0000 0069", "expired_card"),
    ("card", "4000 0000 0000 0259", "disputed_card"),
    ("sepa_debit", "AT61 1904 3002 3457 3201", "good_iban"),
    ("sepa_debit", "AT86 1904 3002 3547 3202", "bad_iban"),
)


def test_numbers(kinds: list[str], texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(number, texts[meaning]) for kind, number, meaning in TEST_NUMBERS if kind in kinds]


def button(session: StripeObject, language: str) -> str:
    texts = TEXTS[language]
    if session["payment_status"] == "no_payment_required":
        return texts["confirm_free"]
    purpose = session["submit_type"] if session["submit_type"] in ("book", "donate") else "pay"
    return texts[purpose].format(written(session["amount_total"], session["currency"], language))


def onward(session: StripeObject | None) -> str | None:
    """Where the shop is, for a buyer who came too late or a second time."""
    if session is None:
        return None
    if session["status"] == "complete":
        return success_url(session)
    return session["cancel_url"] or None


def success_url(session: StripeObject) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def see_other(url: str) -> Response:
    return RedirectResponse(url, 303)


def mistakes(session: StripeObject, form: Form, texts: dict[str, str]) -> dict[str, str]:
    """Field by field, what keeps the form from being sent to the bank at all."""
    found = {
        name: mistake(name, form.get(name, "").strip(), texts)
        for name in needed_fields(session, form)
    }
    return {name: why for name, why in found.items() if why}


def mistake(name: str, value: str, texts: dict[str, str]) -> str | None:
    if not value:
        return texts["required"]
    if name == "email" and not checkout_session.EMAIL.fullmatch(value):
        return texts["bad_email"]
    if name == "exp" and not EXPIRY.fullmatch(value):
        return texts["bad_exp"]
    return None


def offered(session: StripeObject) -> list[str]:
    return [kind for kind in session["payment_method_types"] if kind in SIMULATED]


def kind_of(session: StripeObject, form: Form) -> str:
    """The payment method chosen; one that the session does not offer counts as none."""
    kinds = offered(session)
    chosen = form.get("payment_method_type")
    return chosen if chosen in kinds else kinds[0]


def needed_fields(session: StripeObject, form: Form) -> list[str]:
    if session["payment_status"] == "no_payment_required":
        return ["email"]
    if kind_of(session, form) == "sepa_debit":
        return ["email", "name", "iban"]
    return ["email", "card_number", "exp", "cvc"]


def payment_method(session: StripeObject, form: Form) -> dict[str, Any]:
    billing = {"email": form["email"].strip(), "name": form.get("name", "").strip()}
    kind = kind_of(session, form)
    details = {"iban": form["iban"]} if kind == "sepa_debit" else card(form)
    return {"type": kind, kind: details, "billing_details": billing}


def card(form: Form) -> dict[str, Any]:
    expiry = EXPIRY.fullmatch(form["exp"])
    month, year = map(int, expiry.groups()) if expiry else (0, 0)
    return {
        "number": form["card_number"],
        "exp_month": month,
        "exp_year": 2000 + year,
        "cvc": form["cvc"].strip(),
    }


FIELD_OF = {
    "number": "card_number",
    "exp_month": "exp",
    "exp_year": "exp",
    "cvc": "cvc",
    "sepa_debit[iban]": "iban",
}


def place_of(error: StripeError) -> str:
    """The field an error belongs to; an empty name stands for the whole form."""
    return FIELD_OF.get(error.details.get("param", ""), "")
