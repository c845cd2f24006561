-- name: read_places
SELECT e.id, e.capacity, e.confirmed, e.held, e.waiting, (
    SELECT to_char(min(r.hold_expires_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    FROM registrations_registration AS r
    WHERE r.event_id = e.id AND r.status = 'PENDING'
)
FROM events_event AS e
WHERE e.id = ANY(%(ids)s::text[]) AND e.status <> 'draft'
