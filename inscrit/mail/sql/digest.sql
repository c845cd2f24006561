-- name: events
-- A cheque that came counts as a payment by card does: both make a registration paid. What lapsed
-- without being paid counts as new, but not in the sum of registrations. Where a person accepted a
-- payment of another amount than was agreed, that payment counts: see payments/received.py.
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
LEFT JOIN LATERAL (
    SELECT p.amount, p.currency, least(p.amount, p.refunded + coalesce(
        (SELECT sum(d.amount) FROM payments_dispute AS d
        WHERE d.payment_id = p.key AND d.status = 'lost'), 0
    )) AS returned
    FROM payments_payment AS p
    WHERE p.registration_id = r.id
        AND r.paid_at IS NOT NULL
        AND p.status = 'succeeded'
        AND (p.amount, p.currency) <> (r.amount, r.currency)
        AND (p.settles OR r.payment_method = 'stripe' AND NOT EXISTS (
            SELECT FROM payments_payment AS more
            WHERE more.registration_id = r.id AND more.status = 'succeeded' AND more.key <> p.key
        ))
    ORDER BY p.settles DESC
    LIMIT 1
) AS other ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN other.currency IS NULL THEN r.amount
            WHEN other.currency = e.currency THEN other.amount ELSE 0 END AS amount,
        CASE WHEN other.currency IS NULL THEN r.amount_refunded
            WHEN other.currency = e.currency THEN other.returned ELSE 0 END AS returned
) AS came
GROUP BY e.id
HAVING (e.status = 'published' AND e.ends_at >= %(begin)s)
    OR bool_or(r.created_at >= %(begin)s AND r.created_at < %(end)s)
    OR bool_or(r.paid_at >= %(begin)s AND r.paid_at < %(end)s)
ORDER BY e.starts_at, e.id
