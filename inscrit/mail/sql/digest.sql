-- name: events
-- A cheque that came counts as a payment by card does: both make a registration paid. What lapsed
-- without being paid counts as new, but not in the sum of registrations.
SELECT e.id, e.title, e.currency,
    count(r.id) FILTER (WHERE r.created_at >= %(begin)s AND r.created_at < %(end)s),
    coalesce(sum(r.places) FILTER (
        WHERE r.created_at >= %(begin)s AND r.created_at < %(end)s
    ), 0),
    coalesce(sum(came.amount) FILTER (
        WHERE r.paid_at >= %(begin)s AND r.paid_at < %(end)s
    ), 0)::bigint,
    count(r.id) FILTER (WHERE r.status IN ('PENDING', 'PROCESSING', 'PAID', 'FREE')),
    e.confirmed, e.held, e.capacity,
    coalesce(sum(came.amount - came.returned) FILTER (WHERE r.paid_at IS NOT NULL), 0)::bigint
FROM events_event AS e
LEFT JOIN registrations_registration AS r ON r.event_id = e.id
LEFT JOIN LATERAL inscrit_received(r.id) AS came ON came.currency = e.currency
GROUP BY e.id
HAVING (e.status = 'published' AND e.ends_at >= %(begin)s)
    OR bool_or(r.created_at >= %(begin)s AND r.created_at < %(end)s)
    OR bool_or(r.paid_at >= %(begin)s AND r.paid_at < %(end)s)
ORDER BY e.starts_at, e.id
