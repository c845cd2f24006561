"""The whole service and its Stripe in one process and in one hand.

Nothing happens by itself: Stripe's events are delivered, jobs are done and time passes only when
somebody says so. So a story that went wrong can be told again, and told shorter.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
from django.db import connection
from procrastinate.contrib.django import app as procrastinate
from stripe import WebhookSignature

from inscrit import config, direct
from inscrit.api import keys
from inscrit.asgi import django_application
from inscrit.jobs import in_database
from inscrit.payments.stripe_gateway import StripeUnavailable
from inscrit.registrations.services import desk
from inscrit.sandbox.resources.checkout_session import recover
from inscrit.sandbox.server import SandboxConfig, create_app
from inscrit.webhooks.committer import Committer
from inscrit.webhooks.intake import Intake
from inscrit.webhooks.signature import secrets

from .line import Killed, Line

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper

T = TypeVar("T")
StripeObject = dict[str, Any]
SECRET = "whsec_story"
SANDBOX = SandboxConfig(rate_limits=False, patience=0)
FORM_TOKEN = "x" * 32
ACCOUNT = {"Authorization": "Bearer sk_test_inscrit"}

# The stories' time passes by moving what is written of it, and the sandbox's clock. An attempt
# that Stripe has not answered keeps its time: repeating it must repeat it to the letter.
SOONER = (
    "UPDATE registrations_registration SET hold_expires_at = hold_expires_at - %s::interval",
    "UPDATE registrations_idempotencykey SET created_at = created_at - %s::interval",
    (
        "UPDATE payments_checkoutsession SET expires_at = expires_at - %s::interval"
        " WHERE status <> 'opening'"
    ),
    "UPDATE payments_refund SET created_at = created_at - %s::interval",
    "UPDATE webhooks_stripeevent SET next_try_at = next_try_at - %s::interval",
    "UPDATE mail_message SET next_try_at = next_try_at - %s::interval",
    "UPDATE events_event SET refund_until = refund_until - %s::interval",
)
EMPTY = """
TRUNCATE events_event, registrations_idempotencykey, webhooks_stripeevent, api_apikey,
    procrastinate_jobs RESTART IDENTITY CASCADE
"""
SWEEPS = (
    "inscrit.payments.tasks.sweep_lapsed_holds",
    "inscrit.payments.tasks.sweep_cancellations",
    "inscrit.payments.tasks.sweep_ordered_refunds",
    "inscrit.webhooks.tasks.sweep_inbox",
    "inscrit.mail.tasks.sweep_waiting_messages",
    "inscrit.mail.tasks.tell_of_given_up_messages",
)


class Service:
    """One per test: the lane, the web side, the jobs. Each story begins with an empty database."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        settings = config.current()
        self._committer = Committer(
            direct.address(), livemode=settings.livemode, desk=desk(settings)
        )
        intake = Intake(secrets([SECRET]), self._committer)
        self.lane = httpx.AsyncClient(
            transport=httpx.ASGITransport(intake), base_url="http://localhost"
        )
        self.web = httpx.AsyncClient(
            transport=httpx.ASGITransport(cast("Any", django_application)),
            base_url="http://localhost:8000",
            cookies={"csrftoken": FORM_TOKEN},
            headers={"X-CSRFToken": FORM_TOKEN},
        )
        self.line = Line(httpx.ASGITransport(create_app(SANDBOX)))
        self.run(self._committer.start())

    def close(self) -> None:
        self.run(self._committer.stop())
        self._runner.close()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        direct.look_over_the_pool()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, and wait for it. A process that is killed takes its tasks with it."""
        try:
            return self._runner.run(work)
        except Killed:
            self._runner.run(self._bury())
            connection.close()
            cast(
                "DatabaseWrapper", connection
            ).close_pool()  # the dead process gives none of its connections back
            raise

    async def _bury(self) -> None:
        living = asyncio.all_tasks() - {asyncio.current_task(), *self._committer._under_way}
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)

    def begin(self) -> None:
        """Empty the database, and open a new account at Stripe."""
        app = create_app(SANDBOX)
        self.sim = app.state.simulator
        self.line.sandbox = httpx.ASGITransport(app)
        self.line.incidents.clear()
        self.sandbox = httpx.AsyncClient(
            transport=self.line.sandbox, base_url=SANDBOX.origin, headers=ACCOUNT
        )
        with connection.cursor() as cursor:
            cursor.execute(EMPTY)
        self._staff = {"Authorization": f"Bearer {keys.create('staff', 'organiser')}"}
        self.delivered: Counter[str] = Counter()

    # The web side.

    async def ask(
        self, method: str, path: str, body: Any = None, *, staff: bool = False, **headers: str
    ) -> httpx.Response:
        """A request to the API or the pages."""
        if staff:
            headers |= self._staff
        return await self.web.request(method, path, json=body, headers=headers)

    # Stripe.

    async def at_stripe(self, path: str, **said: Any) -> StripeObject:
        """What a buyer, a bank or a person in the Dashboard does there, by the control API."""
        answer = await self.sandbox.post(f"/sandbox{path}", json=said)
        found: StripeObject = answer.json()
        return found

    def objects(self, kind: str) -> list[StripeObject]:
        """All objects of one kind that Stripe has, the oldest first."""
        found: list[StripeObject] = self.sim.store.select(kind, oldest_first=True)
        return found

    def object(self, kind: str, identifier: str) -> StripeObject | None:
        found: StripeObject | None = self.sim.store.get(kind, identifier)
        return found

    def open_again(self, session: StripeObject) -> str:
        """A copy of a session that is over, open to be paid."""
        over = {**session, "payment_status": "unpaid"}
        with self.sim.transaction():
            found: str = recover(self.sim, over)["id"]
        return found

    def undelivered(self) -> list[StripeObject]:
        """Stripe's events that have not reached us yet, the oldest first."""
        return [event for event in self.objects("event") if not self.delivered[event["id"]]]

    def sent(self) -> list[StripeObject]:
        """Those that have."""
        return [event for event in self.objects("event") if self.delivered[event["id"]]]

    async def deliver(self, event: StripeObject) -> int:
        """Send one event, signed; the status of the answer."""
        self.delivered[event["id"]] += 1
        body = json.dumps(event)
        signature = WebhookSignature.generate_signature_header(body, SECRET)
        answer = await self.lane.post(
            "/stripe/webhooks", content=body, headers={"stripe-signature": signature}
        )
        return answer.status_code

    async def deliver_all(self) -> None:
        for event in self.undelivered():
            assert await self.deliver(event) == 200

    # The worker.

    def jobs(self) -> list[tuple[int, str, dict[str, Any]]]:
        """The jobs that wait, whether their time has come or not."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, task_name, args::text FROM procrastinate_jobs "
                "WHERE status = 'todo' ORDER BY id"
            )
            return [(id_, name, json.loads(args)) for id_, name, args in cursor.fetchall()]

    def lose(self, job: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job])

    async def work(self, name: str, args: dict[str, Any]) -> bool:
        """Do what a job asks for; whether it is through, or must be done again."""
        try:
            await procrastinate.tasks[name].func(**args)
        except StripeUnavailable:
            return False
        return True

    async def sweep(self, name: str) -> None:
        assert await self.work(name, {"timestamp": 0})

    async def finish(self) -> None:
        """Everything that waits is delivered and done, and what follows from it."""
        for name in SWEEPS:
            await self.sweep(name)
        while True:
            jobs = await in_database(self.jobs)
            if not jobs and not self.undelivered():
                return
            await self.deliver_all()
            for id_, name, args in jobs:
                assert await self.work(name, args)
                await in_database(self.lose, id_)
            for name in SWEEPS:
                await self.sweep(name)

    # Time.

    async def wait(self, seconds: float) -> None:
        """Let time pass, for us and for Stripe."""
        await in_database(_make_all_sooner, timedelta(seconds=seconds))
        await self.at_stripe("/clock", advance=seconds)


def _make_all_sooner(by: timedelta) -> None:
    with connection.cursor() as cursor:
        for statement in SOONER:
            cursor.execute(statement, [str(by)])
