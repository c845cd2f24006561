-- name: registrations
SELECT status, count(*) FROM registrations_registration GROUP BY 1

-- name: money
SELECT currency, sum(amount)::bigint, sum(refunded)::bigint
FROM payments_payment
WHERE status = 'succeeded'
GROUP BY 1

-- name: events
SELECT
    count(*) FILTER (
        WHERE sales_stopped_at IS NULL AND coalesce(sales_end_at, starts_at) > now()
    ),
    count(*) FILTER (WHERE sales_stopped_at IS NOT NULL),
    coalesce(sum(confirmed), 0)::bigint,
    coalesce(sum(held), 0)::bigint,
    coalesce(sum(greatest(capacity - confirmed - held, 0)), 0)::bigint
FROM events_event
WHERE status = 'published' AND ends_at > now()
