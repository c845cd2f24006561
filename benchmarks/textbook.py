"""What the webhook lane is measured against: a careful handler, one transaction an event.

It does what tutorials and the plugins people use do: the official ``construct_event``, an
idempotency row, a locked registration, conditional counters, a journal row and a job for the mail,
all in one transaction on a pooled connection. It serves one happy case only: a paid session.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stripe
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

SECRET = os.environ["STRIPE_WEBHOOK_SECRET"]
pool = AsyncConnectionPool(os.environ["DATABASE_URL"], open=False, min_size=4, max_size=16)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with pool:
        yield


async def webhook(request: Request) -> JSONResponse:
    body = await request.body()
    try:
        event = stripe.Webhook.construct_event(body, request.headers["stripe-signature"], SECRET)
    except (ValueError, KeyError, stripe.SignatureVerificationError):
        return JSONResponse({"error": "bad request"}, 400)
    await confirm(event, body.decode())
    return JSONResponse({"received": True})


async def confirm(event: stripe.Event, body: str) -> None:
    session = event.data.object
    registration_id = session["metadata"]["registrationId"]
    async with pool.connection() as connection, connection.transaction():
        stored = await connection.execute(
            "INSERT INTO webhooks_stripeevent (id, type, created, livemode, api_version, object_id,"
            " registration_id, outcome, reason, payload, secret, duration_us, deliveries, attempts,"
            " received_at) VALUES (%s, %s, to_timestamp(%s), false, %s, %s, %s, 'applied', '', %s,"
            " '', 0, 1, 1, now()) ON CONFLICT DO NOTHING",
            (
                event.id,
                event.type,
                event.created,
                event.api_version,
                session["id"],
                registration_id,
                body,
            ),
        )
        if not stored.rowcount:
            return
        found = await connection.execute(
            "SELECT event_id, status, places, amount, currency FROM registrations_registration"
            " WHERE id = %s FOR UPDATE",
            (registration_id,),
        )
        row = await found.fetchone()
        if (
            row is None
            or row[1] != "PENDING"
            or row[3:]
            != (
                session["amount_total"],
                session["currency"],
            )
        ):
            return
        await connection.execute(
            "UPDATE registrations_registration SET status = 'PAID', paid_at = now(),"
            " hold_expires_at = NULL, updated_at = now() WHERE id = %s",
            (registration_id,),
        )
        await connection.execute(
            "UPDATE events_event SET confirmed = confirmed + %s, held = held - %s WHERE id = %s",
            (row[2], row[2], row[0]),
        )
        await connection.execute(
            "INSERT INTO payments_payment (key, registration_id, status, amount, currency, settles,"
            " refund_ordered, refunded, created_at, updated_at)"
            " VALUES (%s, %s, 'succeeded', %s, %s, true, 0, 0, now(), now())",
            (session["payment_intent"], registration_id, row[3], row[4]),
        )
        await connection.execute(
            "INSERT INTO registrations_journalentry (registration_id, from_status, to_status,"
            " reason, actor, stripe_event, at) VALUES (%s, 'PENDING', 'PAID', 'payment_received',"
            " 'webhook', %s, now())",
            (registration_id, event.id),
        )
        await connection.execute(
            "WITH m AS (INSERT INTO mail_message (registration_id, kind, recipient, locale, state,"
            " attempts, error, created_at, next_try_at) SELECT id, 'confirmed', contact_email,"
            " locale,"
            " 'queued', 0, '', now(), now() FROM registrations_registration WHERE id = %s"
            " RETURNING id)"
            " SELECT procrastinate_defer_jobs_v1(array_agg(ROW('mail',"
            " 'inscrit.mail.tasks.deliver', 0, NULL, NULL,"
            " jsonb_build_object('message_ids', ARRAY[id]), NULL)"
            "::procrastinate_job_to_defer_v1)) FROM m",
            (registration_id,),
        )


application = Starlette(
    routes=[Route("/stripe/webhooks", webhook, methods=["POST"])], lifespan=lifespan
)
