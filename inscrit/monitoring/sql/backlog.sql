-- name: mails
-- The conditions are those of the indexes message_waiting and message_given_up.
SELECT states.state, count(message.id),
    coalesce(extract(epoch FROM now() - min(message.created_at)), 0)::float
FROM unnest(ARRAY['queued', 'retrying', 'failed']) AS states (state)
LEFT JOIN (
    SELECT id, state, created_at FROM mail_message WHERE state IN ('queued', 'retrying')
    UNION ALL
    SELECT id, state, created_at FROM mail_message WHERE state = 'failed'
) AS message USING (state)
GROUP BY 1

-- name: jobs
-- A job says when it is due only if that is later than when it was asked for.
SELECT queues.queue, states.state, count(job.id),
    coalesce(extract(epoch FROM now() - min(job.since)), 0)::float
FROM unnest(ARRAY['mail', 'money', 'webhooks', 'outgoing', 'upkeep']) AS queues (queue)
CROSS JOIN unnest(ARRAY['due', 'later', 'doing', 'failed']) AS states (state)
LEFT JOIN (
    SELECT id, queue_name AS queue,
        CASE
            WHEN status <> 'todo' THEN status::text
            WHEN scheduled_at > now() THEN 'later'
            ELSE 'due'
        END AS state,
        coalesce(
            scheduled_at,
            (SELECT min(at) FROM procrastinate_events WHERE job_id = procrastinate_jobs.id)
        ) AS since
    FROM procrastinate_jobs
    WHERE status IN ('todo', 'doing', 'failed')
) AS job USING (queue, state)
GROUP BY 1, 2

-- name: workers
-- A worker says every ten seconds that it lives, once for each of its two sides (decision 85).
SELECT (count(*) FILTER (WHERE last_heartbeat > now() - interval '30 seconds') + 1) / 2,
    extract(epoch FROM max(last_heartbeat))::float
FROM procrastinate_workers

-- name: webhooks
-- Every Checkout session brings a webhook within some 32 minutes: it is paid, or it ends.
WITH last AS (
    SELECT received_at FROM webhooks_stripeevent
    WHERE secret <> 'reconciliation'
    ORDER BY received_at DESC
    LIMIT 1
)
SELECT coalesce((SELECT extract(epoch FROM received_at) FROM last), 0)::float,
    coalesce(extract(epoch FROM now() - min(session.created_at)), 0)::float
FROM payments_checkoutsession AS session
WHERE session.stripe_id IS NOT NULL
    AND session.created_at > coalesce((SELECT received_at FROM last), '-infinity')

-- name: database
SELECT pg_database_size(current_database()),
    current_setting('max_connections')::int

-- name: connections
-- What other roles do shows as 'other'.
SELECT coalesce(nullif(state, ''), 'other'), count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
GROUP BY 1
