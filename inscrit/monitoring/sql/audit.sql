-- name: oversold
-- What the counters say, or what the registrations say: whichever is worse.
SELECT e.id AS subject, e.id AS event_id, e.title, e.capacity::text AS expected, taken::text AS found
FROM events_event AS e
LEFT JOIN (
    SELECT event_id, sum(places) AS places
    FROM registrations_registration
    WHERE status IN ('PENDING', 'PROCESSING', 'PAID', 'FREE')
    GROUP BY event_id
) AS seated ON seated.event_id = e.id
CROSS JOIN LATERAL (
    SELECT greatest(e.confirmed + e.held, coalesce(seated.places, 0)) AS taken
) AS worst
WHERE taken > e.capacity
ORDER BY e.id

-- name: counters_differ
SELECT e.id AS subject, e.id AS event_id, e.title,
    concat('confirmed ', summed.confirmed, ', held ', summed.held) AS expected,
    concat('confirmed ', e.confirmed, ', held ', e.held) AS found,
    e.confirmed, e.held,
    summed.confirmed AS sum_confirmed, summed.held AS sum_held
FROM events_event AS e
LEFT JOIN (
    SELECT event_id,
        sum(places) FILTER (WHERE status IN ('PAID', 'FREE')) AS confirmed,
        sum(places) FILTER (WHERE status IN ('PENDING', 'PROCESSING')) AS held
    FROM registrations_registration
    GROUP BY event_id
) AS seated ON seated.event_id = e.id
CROSS JOIN LATERAL (
    SELECT coalesce(seated.confirmed, 0) AS confirmed, coalesce(seated.held, 0) AS held
) AS summed
WHERE (e.confirmed, e.held) <> (summed.confirmed, summed.held)
ORDER BY e.id

-- name: wanted_differs
-- It says whether there is a line: a counter that is wrong lets passers-by overtake those who wait.
SELECT e.id AS subject, e.id AS event_id, e.title,
    coalesce(line.places, 0)::text AS expected, e.waiting::text AS found
FROM events_event AS e
LEFT JOIN (
    SELECT event_id, sum(places) AS places
    FROM waiting_waitingentry
    WHERE state = 'waiting'
    GROUP BY event_id
) AS line ON line.event_id = e.id
WHERE e.waiting <> coalesce(line.places, 0)
ORDER BY e.id

-- name: option_wanted_differs
SELECT o.id AS subject, o.event_id, e.title, o.name,
    coalesce(line.places, 0)::text AS expected, o.waiting::text AS found
FROM events_priceoption AS o
JOIN events_event AS e ON e.id = o.event_id
LEFT JOIN (
    SELECT person ->> 2 AS option_id, count(*) AS places
    FROM waiting_waitingentry, jsonb_array_elements(participants) AS person
    WHERE state = 'waiting'
    GROUP BY person ->> 2
) AS line ON line.option_id = o.id
WHERE o.waiting <> coalesce(line.places, 0)
ORDER BY o.id

-- name: option_oversold
SELECT o.id AS subject, o.event_id, e.title, o.name,
    o.quota::text AS expected, greatest(o.taken, seats.taken)::text AS found
FROM events_priceoption AS o
JOIN events_event AS e ON e.id = o.event_id
CROSS JOIN LATERAL (
    SELECT count(*) AS taken
    FROM registrations_participant AS p
    JOIN registrations_registration AS r ON r.id = p.registration_id
    WHERE p.option_id = o.id AND r.status IN ('PENDING', 'PROCESSING', 'PAID', 'FREE')
) AS seats
WHERE greatest(o.taken, seats.taken) > o.quota
ORDER BY o.id

-- name: option_counters_differ
SELECT o.id AS subject, o.event_id, e.title, o.name,
    seats.taken::text AS expected, o.taken::text AS found
FROM events_priceoption AS o
JOIN events_event AS e ON e.id = o.event_id
CROSS JOIN LATERAL (
    SELECT count(*) AS taken
    FROM registrations_participant AS p
    JOIN registrations_registration AS r ON r.id = p.registration_id
    WHERE p.option_id = o.id AND r.status IN ('PENDING', 'PROCESSING', 'PAID', 'FREE')
) AS seats
WHERE o.taken <> seats.taken
ORDER BY o.id

-- name: event_forgotten
SELECT e.id AS subject, e.type, e.registration_id,
    'applied, waiting for another try, or flagged' AS expected,
    concat('failed after ', e.attempts, ' tries: ', e.reason) AS found,
    e.attempts
FROM webhooks_stripeevent AS e
WHERE e.outcome = 'failed'
    AND e.set_aside_by = ''
    AND e.received_at < now() - interval '1 hour'
    AND e.next_try_at IS NULL
    AND NOT EXISTS (
        SELECT FROM registrations_registration AS r
        WHERE r.id = e.registration_id AND r.review IS NOT NULL
    )
ORDER BY e.id

-- name: settled_twice
SELECT registration_id AS subject, registration_id,
    'one payment at most' AS expected, string_agg(key, ', ' ORDER BY key) AS found
FROM payments_payment
WHERE settles AND registration_id IN (
    SELECT registration_id FROM payments_payment WHERE settles
    GROUP BY registration_id HAVING count(*) > 1
)
GROUP BY registration_id
ORDER BY registration_id

-- name: confirmed_by_many_mails
SELECT registration_id AS subject, registration_id,
    'one confirmation' AS expected, count(*)::text AS found
FROM mail_message
WHERE kind = 'confirmed'
GROUP BY registration_id
HAVING count(*) > 1
ORDER BY registration_id

-- name: confirmed_by_no_mail
SELECT r.id AS subject, r.id AS registration_id, r.status,
    'one confirmation' AS expected, 'none' AS found
FROM registrations_registration AS r
WHERE r.status IN ('PAID', 'FREE')
    AND NOT EXISTS (
        SELECT FROM mail_message AS m WHERE m.registration_id = r.id AND m.kind = 'confirmed'
    )
ORDER BY r.id

-- name: paid_twice
-- Paid, cancelled and paid again is no breach: between the two it was not paid.
SELECT registration_id AS subject, registration_id,
    'once, or again after it was not PAID any more' AS expected,
    string_agg(reason, ', ' ORDER BY id) AS found
FROM (
    SELECT id, registration_id, reason, to_status,
        lag(to_status) OVER (PARTITION BY registration_id ORDER BY id) AS previous
    FROM registrations_journalentry
    WHERE from_status <> to_status
) AS transitions
WHERE to_status = 'PAID' AND previous = 'PAID'
GROUP BY registration_id
ORDER BY registration_id

-- name: payment_without_place
SELECT p.key AS subject, p.registration_id, p.amount, p.currency,
    'a place of the same amount, its return, or a person who looks at it' AS expected,
    concat(r.status, ', ', back.amount, ' returned or on its way back') AS found,
    r.status
FROM payments_payment AS p
JOIN registrations_registration AS r ON r.id = p.registration_id
LEFT JOIN (
    SELECT payment_id,
        sum(amount) FILTER (WHERE status IN ('pending', 'succeeded')) AS returned,
        sum(amount) FILTER (WHERE status = 'ordered') AS ordered
    FROM payments_refund
    GROUP BY payment_id
) AS ours ON ours.payment_id = p.key
CROSS JOIN LATERAL (
    SELECT greatest(p.refunded, coalesce(ours.returned, 0)) + coalesce(ours.ordered, 0) + coalesce(
        (SELECT sum(d.amount) FROM payments_dispute AS d
        WHERE d.payment_id = p.key AND d.status = 'lost'), 0
    ) AS amount
) AS back
WHERE p.status = 'succeeded'
    AND NOT (
        p.settles AND r.status IN ('PAID', 'PROCESSING')
        AND p.amount = r.amount AND p.currency = r.currency
    )
    AND back.amount < p.amount
    AND r.review IS NULL
    AND p.resolution = ''
ORDER BY p.key

-- name: paid_without_payment
SELECT r.id AS subject, r.id AS registration_id, r.amount, r.currency,
    'a payment that settles it and succeeded' AS expected,
    coalesce(
        (
            SELECT concat(p.key, ' is ', p.status)
            FROM payments_payment AS p
            WHERE p.registration_id = r.id AND p.settles
            LIMIT 1
        ),
        'no payment that settles it'
    ) AS found
FROM registrations_registration AS r
WHERE r.status = 'PAID' AND r.payment_method = 'stripe' AND r.amount > 0
    AND NOT EXISTS (
        SELECT FROM payments_payment AS p
        WHERE p.registration_id = r.id AND p.settles AND p.status = 'succeeded'
    )
ORDER BY r.id

-- name: refund_forgotten
SELECT f.id::text AS subject, p.registration_id, p.key, f.amount, p.currency,
    'Stripe has answered within a day' AS expected,
    concat('waiting since ', to_char(f.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC'))
        AS found
FROM payments_refund AS f
JOIN payments_payment AS p ON p.key = f.payment_id
WHERE f.status = 'ordered' AND f.created_at < now() - interval '1 day'
ORDER BY f.id

-- name: journal_ends_elsewhere
SELECT r.id AS subject, r.id AS registration_id,
    coalesce(last.to_status, '–') AS expected, r.status AS found
FROM registrations_registration AS r
LEFT JOIN (
    SELECT DISTINCT ON (registration_id) registration_id, to_status
    FROM registrations_journalentry
    ORDER BY registration_id, id DESC
) AS last ON last.registration_id = r.id
WHERE last.to_status IS DISTINCT FROM r.status
ORDER BY r.id

-- name: journal_has_a_gap
SELECT id::text AS subject, registration_id,
    coalesce(nullif(previous, ''), '–') AS expected,
    coalesce(nullif(from_status, ''), '–') AS found,
    to_status, reason
FROM (
    SELECT id, registration_id, from_status, to_status, reason,
        coalesce(lag(to_status) OVER (PARTITION BY registration_id ORDER BY id), '') AS previous
    FROM registrations_journalentry
) AS entries
WHERE from_status <> previous
ORDER BY id
