-- name: journal
-- The condition is that of the index journal_counted, so that only the index is read.
SELECT to_status, reason, from_status = to_status AS stayed, count(*)
FROM registrations_journalentry
WHERE (from_status <> to_status AND to_status IN ('PAID', 'EXPIRED', 'FAILED'))
    OR reason IN (
        'late_payment_refunded', 'late_payment_review', 'amount_mismatch', 'wrong_mode',
        'other_registration'
    )
GROUP BY 1, 2, 3

-- name: refunds
-- All three of each reason that there is; the others are added as 0.
SELECT reason, result, count(*) FILTER (WHERE is_so)
FROM payments_refund
CROSS JOIN LATERAL (
    VALUES ('ordered', true), ('succeeded', succeeded_at IS NOT NULL), ('failed', status = 'failed')
) AS results (result, is_so)
GROUP BY 1, 2

-- name: emails
SELECT kind, sum(times_sent)::bigint, sum(times_failed)::bigint
FROM mail_message
GROUP BY 1

-- name: unprocessed
SELECT count(*), coalesce(extract(epoch FROM now() - min(received_at)), 0)::float
-- An unknown payment's refund or dispute is another application's, most of the time.
FROM webhooks_stripeevent
WHERE set_aside_by = ''
    AND (outcome = 'failed' OR (next_try_at IS NOT NULL AND reason <> 'unknown_payment'))

-- name: audit
SELECT counted.key, counted.value::int, extract(epoch FROM at)::float
FROM (SELECT at, counts FROM watchdog_auditrun ORDER BY id DESC LIMIT 1) AS last,
    jsonb_each_text(last.counts) AS counted

-- name: reconciled
-- As long as none has ended, the first one's beginning: it has been due since then.
SELECT extract(epoch FROM coalesce(max(finished_at), min(started_at)))::float
FROM payments_reconciliationrun

-- name: reconciliation
SELECT key, sum(value::bigint)::bigint
FROM payments_reconciliationrun, jsonb_each_text(differences)
WHERE value ~ '^[0-9]+$'
GROUP BY 1
