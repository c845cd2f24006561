-- name: lock_registrations
SELECT id, event_id, status, payment_method, amount, currency, places, review, amount_refunded,
    cancelling, offered_until IS NOT NULL, coalesce(offered_until > now(), false),
    option_places::text,
    payment_method <> 'stripe' AND EXISTS (
        SELECT FROM registrations_journalentry AS j
        WHERE j.registration_id = r.id AND j.reason = 'marked_paid'
    )
FROM registrations_registration AS r
WHERE id IN (
    SELECT unnest(%(registrations)s::text[])
    UNION
    SELECT registration_id FROM payments_checkoutsession WHERE stripe_id = ANY(%(sessions)s::text[])
    UNION
    SELECT registration_id FROM payments_payment WHERE key = ANY(%(payments)s::text[])
)
ORDER BY id
FOR NO KEY UPDATE

-- name: read_events
SELECT id, capacity, confirmed, held, late_payment, status = 'cancelled', lost_dispute, price,
    currency
FROM events_event
WHERE id = ANY(%(events)s::text[])
ORDER BY id

-- name: read_options
-- Only where somebody has a place of one, or may get one.
SELECT event_id, id, quota, taken, name, price, active
FROM events_priceoption
WHERE id = ANY(%(options)s::text[])
    OR (active AND event_id = ANY(%(destinations)s::text[]))
ORDER BY id

-- name: locked
-- Follows either of the two where places may be given: nobody else gives them meanwhile.
FOR NO KEY UPDATE

-- name: read_prices
-- What was agreed, whatever the option costs now: asked only where somebody is to be moved.
SELECT DISTINCT registration_id, option_id, price
FROM registrations_participant
WHERE registration_id = ANY(%(registrations)s::text[]) AND option_id IS NOT NULL
ORDER BY registration_id, option_id

-- name: read_payments
SELECT registration_id, key, status, amount, currency, settles, charge_refunded, resolution
FROM payments_payment
WHERE registration_id = ANY(%(registrations)s::text[])
ORDER BY registration_id, created_at, key

-- name: read_sessions
SELECT registration_id, stripe_id, status
FROM payments_checkoutsession
WHERE registration_id = ANY(%(registrations)s::text[])

-- name: read_refunds
SELECT r.payment_id, r.amount, r.status, r.id, r.stripe_id, r.reason
FROM payments_refund AS r
JOIN payments_payment AS p ON p.key = r.payment_id
WHERE p.registration_id = ANY(%(registrations)s::text[])
ORDER BY r.id

-- name: read_disputes
SELECT d.payment_id, d.id, d.status, d.amount
FROM payments_dispute AS d
JOIN payments_payment AS p ON p.key = d.payment_id
WHERE p.registration_id = ANY(%(registrations)s::text[])
ORDER BY d.id

-- name: write_registrations
UPDATE registrations_registration AS r
SET event_id = u.event_id,
    status = u.status,
    review = u.review,
    amount_refunded = u.amount_refunded,
    cancelling = u.cancelling,
    paid_at = CASE WHEN u.became_paid THEN coalesce(r.paid_at, now()) ELSE r.paid_at END,
    hold_expires_at = CASE WHEN u.status = 'PENDING' THEN r.hold_expires_at END,
    updated_at = now()
FROM json_to_recordset(%(rows)s::json) AS u(
    id text, event_id text, status text, review text, amount_refunded bigint, cancelling text,
    became_paid boolean
)
WHERE r.id = u.id

-- name: write_events
UPDATE events_event AS e
SET confirmed = e.confirmed + u.confirmed, held = e.held + u.held
FROM (
    -- Locked in the order of their ids, whatever the plan.
    SELECT e.id, u.confirmed, u.held
    FROM json_to_recordset(%(rows)s::json) AS u(id text, confirmed int, held int)
    JOIN events_event AS e ON e.id = u.id
    ORDER BY e.id
    FOR NO KEY UPDATE OF e
) AS u
WHERE e.id = u.id

-- name: write_options
UPDATE events_priceoption AS o
SET taken = o.taken + u.taken
FROM (
    SELECT o.id, u.taken
    FROM json_to_recordset(%(rows)s::json) AS u(id text, taken int)
    JOIN events_priceoption AS o ON o.id = u.id
    ORDER BY o.id
    FOR NO KEY UPDATE OF o
) AS u
WHERE o.id = u.id

-- name: exchange_options
WITH exchanged AS (
    SELECT u.* FROM json_to_recordset(%(rows)s::json) AS u(
        registration_id text, was text, now text, option_places jsonb
    )
), counted AS (
    UPDATE registrations_registration AS r
    SET option_places = u.option_places
    FROM (SELECT DISTINCT registration_id, option_places FROM exchanged) AS u
    WHERE r.id = u.registration_id
)
UPDATE registrations_participant AS p
SET option_id = u.now
FROM exchanged AS u
WHERE p.registration_id = u.registration_id AND p.option_id = u.was

-- name: write_payments
INSERT INTO payments_payment AS p (
    key, registration_id, status, amount, currency, settles, refund_ordered, refunded,
    charge_refunded, resolution, created_at, updated_at
)
SELECT u.key, u.registration_id, u.status, u.amount, u.currency, u.settles, u.refund_ordered,
    u.refunded, u.charge_refunded, u.resolution, now(), now()
FROM json_to_recordset(%(rows)s::json) AS u(
    key text, registration_id text, status text, amount bigint, currency text, settles boolean,
    refund_ordered bigint, refunded bigint, charge_refunded bigint, resolution text
)
ORDER BY u.settles -- a payment stops settling before another one starts
ON CONFLICT (key) DO UPDATE
SET status = excluded.status,
    amount = excluded.amount,
    currency = excluded.currency,
    settles = excluded.settles,
    refund_ordered = excluded.refund_ordered,
    refunded = excluded.refunded,
    charge_refunded = excluded.charge_refunded,
    resolution = excluded.resolution,
    updated_at = excluded.updated_at

-- name: write_refunds
UPDATE payments_refund AS r
SET stripe_id = coalesce(u.stripe_id, r.stripe_id), status = u.status,
    succeeded_at = CASE WHEN u.status = 'succeeded' THEN now() ELSE r.succeeded_at END
FROM json_to_recordset(%(rows)s::json) AS u(number bigint, stripe_id text, status text)
WHERE r.id = u.number

-- name: add_refunds
INSERT INTO payments_refund (
    payment_id, amount, reason, status, stripe_id, error, created_at, succeeded_at
)
SELECT u.payment, u.amount, 'outside', u.status, u.stripe_id, '', now(),
    CASE WHEN u.status = 'succeeded' THEN now() END
FROM json_to_recordset(%(rows)s::json) AS u(
    payment text, amount bigint, status text, stripe_id text
)

-- name: write_disputes
INSERT INTO payments_dispute AS d (id, payment_id, status, amount, created_at, updated_at)
SELECT u.id, u.payment, u.status, u.amount, now(), now()
FROM json_to_recordset(%(rows)s::json) AS u(id text, payment text, status text, amount bigint)
ON CONFLICT (id) DO UPDATE
SET status = excluded.status, amount = excluded.amount, updated_at = excluded.updated_at

-- name: close_sessions
UPDATE payments_checkoutsession AS s
SET status = u.status
FROM json_to_recordset(%(rows)s::json) AS u(session text, status text)
WHERE s.stripe_id = u.session

-- name: write_journal
INSERT INTO registrations_journalentry (
    registration_id, from_status, to_status, reason, actor, stripe_event, details, at
)
SELECT u.registration_id, u.from_status, u.to_status, u.reason, u.actor, u.stripe_event,
    u.details, clock_timestamp()
FROM json_to_recordset(%(rows)s::json) AS u(
    registration_id text, from_status text, to_status text, reason text, actor text,
    stripe_event text, details jsonb
)

-- name: queue_mails
WITH queued AS (
    INSERT INTO mail_message (
        registration_id, kind, recipient, locale, state, attempts, error, created_at, next_try_at
    )
    SELECT r.id, u.kind, coalesce(u.recipient, r.contact_email), coalesce(u.locale, r.locale),
        'queued', 0, '', now(), now() + interval '5 minutes'
    FROM json_to_recordset(%(rows)s::json)
        AS u(registration_id text, kind text, recipient text, locale text)
    JOIN registrations_registration AS r ON r.id = u.registration_id
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT inscrit_deliver(array_agg(id)) FROM queued

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

-- name: end_sessions
-- Whoever asked for it does it at once; the job is there should that come to nothing.
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW('money', 'inscrit.payments.tasks.end_session', 10, NULL, NULL,
        jsonb_build_object('registration_id', u.id), now() + interval '15 seconds'
    )::procrastinate_job_to_defer_v1
))
FROM json_to_recordset(%(rows)s::json) AS u(id text)

-- name: wake_parked
-- Stripe told of a refund or a dispute before it told of the payment: its turn has come.
WITH woken AS (
    UPDATE webhooks_stripeevent AS e
    SET next_try_at = now() + interval '1 minute'
    FROM json_to_recordset(%(rows)s::json) AS u(key text)
    WHERE e.payment_key = u.key AND e.outcome = 'unmatched' AND e.payment_key <> ''
    RETURNING e.id
)
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW('webhooks', 'inscrit.webhooks.tasks.retry', 5, NULL, NULL,
        jsonb_build_object('event_id', id), NULL)::procrastinate_job_to_defer_v1
))
FROM woken
HAVING count(*) > 0
