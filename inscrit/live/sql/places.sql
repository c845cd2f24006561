-- name: read_places
-- As events.models has what is left: those who wait, and fit, come first, and it is to be had at
-- some price.
SELECT e.id, e.capacity, e.confirmed, e.held,
    CASE
        WHEN prices.full_at_each THEN 0
        WHEN e.capacity IS NOT NULL THEN
            greatest(0, e.capacity - e.confirmed - e.held - kept.places)
    END,
    (
        SELECT to_char(min(r.hold_expires_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        FROM registrations_registration AS r
        WHERE r.event_id = e.id AND r.status = 'PENDING'
    )
FROM events_event AS e
CROSS JOIN LATERAL (
    SELECT coalesce(sum(s.places), 0)::int AS places,
        coalesce(jsonb_agg(s.options), '[]') AS options
    FROM inscrit_served_now(e.id) AS s
    WHERE e.waiting > 0
) AS kept
CROSS JOIN LATERAL (
    SELECT coalesce(bool_and(o.quota IS NOT NULL AND o.quota <= o.taken + (
        SELECT coalesce(sum((chosen ->> o.id)::int), 0)
        FROM jsonb_array_elements(kept.options) AS chosen
    )), false) AS full_at_each
    FROM events_priceoption AS o
    WHERE o.event_id = e.id AND o.active
) AS prices
WHERE e.id = ANY(%(ids)s::text[]) AND e.status <> 'draft'
