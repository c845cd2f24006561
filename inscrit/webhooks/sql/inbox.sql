-- name: read_known
SELECT id, outcome FROM webhooks_stripeevent WHERE id = ANY(%(ids)s::text[])

-- name: store
-- The bodies come beside the rows, in binary: quoted inside of them they would be read twice.
INSERT INTO webhooks_stripeevent AS e (
    id, type, created, livemode, api_version, object_id, registration_id, payment_key, outcome,
    reason, payload, secret, duration_us, deliveries, attempts, received_at, next_try_at
)
SELECT u.id, u.type, to_timestamp(u.created), u.livemode, u.api_version, u.object_id,
    u.registration_id, u.payment_key, u.outcome, u.reason, u.payload, u.secret, u.duration_us,
    1, 1, now(), CASE WHEN u.again THEN now() + interval '1 minute' END
FROM ROWS FROM (
    json_to_recordset(%(rows)s::json) AS (
        id text, type text, created bigint, livemode boolean, api_version text, object_id text,
        registration_id text, payment_key text, outcome text, reason text, secret text,
        duration_us int, again boolean
    ),
    unnest(%(payloads)b::text[])
) AS u(
    id, type, created, livemode, api_version, object_id, registration_id, payment_key, outcome,
    reason, secret, duration_us, again, payload
)
ORDER BY u.id
ON CONFLICT (id) DO UPDATE SET deliveries = e.deliveries + 1

-- name: count_deliveries
UPDATE webhooks_stripeevent AS e
SET deliveries = e.deliveries + u.times
FROM json_to_recordset(%(rows)s::json) AS u(id text, times int)
WHERE e.id = u.id

-- name: retry_later
-- Soon; should that job be lost, the sweep takes the event up by its next_try_at.
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW('webhooks', 'inscrit.webhooks.tasks.retry', 5, NULL, NULL,
        jsonb_build_object('event_id', u.id), now() + interval '10 seconds'
    )::procrastinate_job_to_defer_v1
))
FROM json_to_recordset(%(rows)s::json) AS u(id text)
