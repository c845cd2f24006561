"""The API under ``/v1``: who may call, what is called, and how the answer looks."""

import asyncio
import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

import inscrit.sandbox.resources  # noqa: F401  (fills the table of operations)
from inscrit.sandbox import errors
from inscrit.sandbox.errors import CardError, StripeError
from inscrit.sandbox.expand import expand
from inscrit.sandbox.faults import Fault
from inscrit.sandbox.forms import Raw, parse_form
from inscrit.sandbox.idempotency import IdempotencyKeys, Kept
from inscrit.sandbox.ids import new_id
from inscrit.sandbox.operations import Call, Operation, find
from inscrit.sandbox.parameters import read_parameters
from inscrit.sandbox.rate_limits import RateLimits
from inscrit.sandbox.simulator import Request, Simulator
from inscrit.sandbox.version import API_VERSION, in_todays_words

log = structlog.get_logger("inscrit.sandbox")

KEYS = ("sk_test_", "rk_test_", "sk_live_", "rk_live_")


@dataclass(frozen=True)
class Understood:
    """An API call as it came in: known operation, parsed form."""

    id: str
    http: HttpRequest
    operation: Operation
    ids: tuple[str, ...]
    form: dict[str, Raw]

    @property
    def path(self) -> str:
        return self.http.url.path

    @property
    def key(self) -> str | None:
        return self.http.headers.get("idempotency-key") if self.http.method == "POST" else None


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.limits = RateLimits(enabled=sim.config.rate_limits)
        self.keys = IdempotencyKeys(sim.store, sim.clock)

    async def respond_to(self, http: HttpRequest) -> Response:
        identifier = new_id("req")
        try:
            answer = await self.answer(http, identifier)
        except StripeError as error:
            answer = Answer(error.status, rendered(error.body()), error.headers)
        except Exception:
            log.exception("the sandbox itself failed", path=http.url.path)
            answer = Answer(500, rendered(errors.own_failure().body()))
        return self.respond(http, identifier, answer)

    async def answer(self, http: HttpRequest, identifier: str) -> Answer:
        check_key(http)
        call = await understand(http, identifier)
        self.limits.check(f"{call.operation.method} {call.operation.template}")
        faults = self.sim.faults.for_call(call.path)
        with self.keys.claim(call.key):
            await suffer([fault for fault in faults if not fault.after])
            answer = self.carry_out(call)
            await suffer([fault for fault in faults if fault.after])
        return answer

    def carry_out(self, call: Understood) -> Answer:
        if call.http.method == "GET":
            return Answer(200, rendered(self.perform(call)))
        if call.key is None:
            return self.change(call)
        kept = self.keys.find(call.key, call.path, fingerprint(call.form))
        return replay(kept) if kept else self.change(call)

    def change(self, call: Understood) -> Answer:
        """Everything the call does, and the memory of its key, in one transaction."""
        with self.sim.transaction(Request(call.id, call.key)):
            try:
                answer = Answer(200, rendered(self.perform(call)))
            except CardError as error:
                answer = Answer(error.status, rendered(error.body()))
            if call.key:
                kept = Kept(answer.status, answer.body, call.id)
                self.keys.keep(call.key, call.path, fingerprint(call.form), kept)
        return answer

    def perform(self, call: Understood) -> dict[str, Any]:
        form = in_todays_words(call.form, call.http.headers.get("stripe-version"))
        params = read_parameters(form, call.operation.declared)
        paths = params.pop("expand", [])
        item = call.operation.handler(Call(self.sim, call.path, call.ids, params))
        return expand(self.sim, item, paths)

    def respond(self, http: HttpRequest, identifier: str, answer: Answer) -> Response:
        version = http.headers.get("stripe-version", API_VERSION)
        headers = {"Request-Id": identifier, "Stripe-Version": version, **answer.headers}
        if key := http.headers.get("idempotency-key"):
            headers["Idempotency-Key"] = key
        log.info("api", method=http.method, path=http.url.path, status=answer.status)
        return Response(answer.body, answer.status, headers, "application/json")


def check_key(http: HttpRequest) -> None:
    """Any secret or restricted key opens this account; nothing else does."""
    key = key_of(http.headers.get("authorization", ""))
    if not key:
        raise errors.no_key()
    if key.startswith("pk_"):
        raise errors.publishable_key()
    if not key.startswith(KEYS):
        raise errors.bad_key(key)


def key_of(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return from_basic(value)
    return ""


def from_basic(value: str) -> str:
    try:
        return base64.b64decode(value).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def understand(http: HttpRequest, identifier: str) -> Understood:
    found = find(http.method, http.url.path)
    if found is None:
        raise errors.unknown_url(http.method, http.url.path)
    query = parse_form(http.url.query)
    body = parse_form((await http.body()).decode("utf-8", "replace"))
    return Understood(identifier, http, *found, query | body)


def fingerprint(form: dict[str, Raw]) -> str:
    """The same for the same parameters in whatever order."""
    return msgspec.json.encode(form, order="deterministic").decode()


def rendered(item: dict[str, Any]) -> bytes:
    """Stripe indents its JSON by two."""
    return msgspec.json.format(msgspec.json.encode(item), indent=2)


def replay(kept: Kept) -> Answer:
    headers = {"Idempotent-Replayed": "true", "Original-Request": kept.request}
    return Answer(kept.status, kept.body, headers)


async def suffer(faults: list[Fault]) -> None:
    """Whatever trouble was asked for."""
    for fault in faults:
        if fault.kind in ("slow", "timeout"):
            await asyncio.sleep(fault.duration)
        if fault.kind == "rate_limit":
            raise errors.rate_limited("endpoint-rate")
        if fault.kind in ("error", "timeout"):
            raise errors.server_error(fault.status)
