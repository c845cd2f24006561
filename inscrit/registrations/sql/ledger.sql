-- name: lock_registrations
SELECT id, event_id, status, payment_method, amount, currency, places, review, amount_refunded
FROM registrations_registration
WHERE id IN (
    SELECT unnest(%(registrations)s::text[])
    UNION
    SELECT registration_id FROM payments_checkoutsession WHERE stripe_id = ANY(%(sessions)s::text[])
    UNION
    SELECT registration_id FROM payments_payment WHERE key = ANY(%(payments)s::text[])
)
ORDER BY id
FOR NO KEY UPDATE

-- name: lock_events
SELECT id, capacity, confirmed, held, late_payment, status = 'cancelled'
FROM events_event
WHERE id = ANY(%(events)s::text[])
ORDER BY id
FOR NO KEY UPDATE

-- name: read_payments
SELECT registration_id, key, status, amount, currency, settles, refund_ordered, refunded
FROM payments_payment
WHERE registration_id = ANY(%(registrations)s::text[])
ORDER BY registration_id, created_at, key

-- name: read_sessions
SELECT registration_id, stripe_id, status
FROM payments_checkoutsession
WHERE registration_id = ANY(%(registrations)s::text[]) AND stripe_id IS NOT NULL

-- name: write_registrations
UPDATE registrations_registration AS r
SET status = u.status,
    review = u.review,
    amount_refunded = u.amount_refunded,
    paid_at = CASE WHEN u.became_paid THEN now() ELSE r.paid_at END,
    hold_expires_at = CASE WHEN u.status = 'PENDING' THEN r.hold_expires_at END,
    updated_at = now()
FROM json_to_recordset(%(rows)s::json)
    AS u(id text, status text, review text, amount_refunded bigint, became_paid boolean)
WHERE r.id = u.id

-- name: write_events
UPDATE events_event AS e
SET confirmed = e.confirmed + u.confirmed, held = e.held + u.held
FROM json_to_recordset(%(rows)s::json) AS u(id text, confirmed int, held int)
WHERE e.id = u.id

-- name: write_payments
INSERT INTO payments_payment AS p (
    key, registration_id, status, amount, currency, settles, refund_ordered, refunded,
    created_at, updated_at
)
SELECT u.key, u.registration_id, u.status, u.amount, u.currency, u.settles, u.refund_ordered,
    u.refunded, now(), now()
FROM json_to_recordset(%(rows)s::json) AS u(
    key text, registration_id text, status text, amount bigint, currency text, settles boolean,
    refund_ordered bigint, refunded bigint
)
ORDER BY u.settles -- a payment stops settling before another one starts
ON CONFLICT (key) DO UPDATE
SET status = excluded.status,
    amount = excluded.amount,
    currency = excluded.currency,
    settles = excluded.settles,
    refund_ordered = excluded.refund_ordered,
    refunded = excluded.refunded,
    updated_at = excluded.updated_at

-- name: close_sessions
UPDATE payments_checkoutsession AS s
SET status = u.status
FROM json_to_recordset(%(rows)s::json) AS u(session text, status text)
WHERE s.stripe_id = u.session

-- name: write_journal
INSERT INTO registrations_journalentry (
    registration_id, from_status, to_status, reason, actor, stripe_event, at
)
SELECT u.registration_id, u.from_status, u.to_status, u.reason, u.actor, u.stripe_event,
    clock_timestamp()
FROM json_to_recordset(%(rows)s::json) AS u(
    registration_id text, from_status text, to_status text, reason text, actor text,
    stripe_event text
)

-- name: queue_mails
-- A job carries some messages at once: a job each would cost more than all the rest.
WITH queued AS (
    INSERT INTO mail_message (
        registration_id, kind, recipient, locale, state, attempts, error, created_at, next_try_at
    )
    SELECT r.id, u.kind, r.contact_email, r.locale, 'queued', 0, '', now(),
        now() + interval '5 minutes'
    FROM json_to_recordset(%(rows)s::json) AS u(registration_id text, kind text)
    JOIN registrations_registration AS r ON r.id = u.registration_id
    ON CONFLICT DO NOTHING
    RETURNING id
), parcels AS (
    SELECT jsonb_agg(id) AS ids
    FROM (SELECT id, (row_number() OVER () - 1) / 20 AS parcel FROM queued) AS numbered
    GROUP BY parcel
)
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW('mail', 'inscrit.mail.tasks.deliver', 0, NULL, NULL,
        jsonb_build_object('message_ids', ids), NULL)::procrastinate_job_to_defer_v1
))
FROM parcels
HAVING count(*) > 0

-- name: order_refunds
WITH ordered AS (
    INSERT INTO payments_refund (payment_id, amount, reason, status, error, created_at)
    SELECT u.payment, u.amount, u.reason, 'ordered', '', now()
    FROM json_to_recordset(%(rows)s::json) AS u(payment text, amount bigint, reason text)
    RETURNING id
)
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW('money', 'inscrit.payments.tasks.send_refund', 10, NULL, NULL,
        jsonb_build_object('refund_id', id), NULL)::procrastinate_job_to_defer_v1
))
FROM ordered
HAVING count(*) > 0
