-- name: webhooks
SELECT floor(extract(epoch FROM received_at - %(since)s) / %(step)s)::int, outcome, count(*)
FROM webhooks_stripeevent
WHERE received_at >= %(since)s AND secret <> 'reconciliation'
GROUP BY 1, 2

-- name: delays
-- The row of no step is the whole time.
SELECT step,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
    percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)
FROM (
    SELECT floor(extract(epoch FROM received_at - %(since)s) / %(step)s)::int AS step,
        greatest(extract(epoch FROM received_at - created), 0)::float AS seconds
    FROM webhooks_stripeevent
    WHERE received_at >= %(since)s AND outcome = 'applied' AND type IN (
        'checkout.session.completed', 'checkout.session.async_payment_succeeded',
        'payment_intent.succeeded'
    )
) AS confirmed
GROUP BY GROUPING SETS ((step), ())

-- name: registrations
SELECT floor(extract(epoch FROM at - %(since)s) / %(step)s)::int, to_status, count(*)
FROM registrations_journalentry
WHERE at >= %(since)s AND from_status <> to_status
GROUP BY 1, 2

-- name: mails
SELECT floor(extract(epoch FROM at - %(since)s) / %(step)s)::int, 'sent', count(*)
FROM mail_sending
WHERE at >= %(since)s
GROUP BY 1
