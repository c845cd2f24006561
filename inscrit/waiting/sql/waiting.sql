-- name: first_who_fits
SELECT entry_id FROM inscrit_served_now(%(event)s) LIMIT 1

-- name: queue_mails
WITH queued AS (
    INSERT INTO mail_message (
        waiting_id, kind, key, recipient, locale, state, attempts, error, created_at, next_try_at
    )
    SELECT e.id, %(kind)s, %(about)s || ' ' || e.id, e.contact_email, e.locale, 'queued', 0, '',
        now(), now() + interval '5 minutes'
    FROM waiting_waitingentry AS e
    WHERE e.id = ANY(%(entries)s::text[])
    ORDER BY e.number
    ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING
    RETURNING id
)
SELECT inscrit_deliver(array_agg(id)) FROM queued

-- name: forget
-- Names and addresses of those who waited for events that were over by then; the facts stay.
WITH forgotten AS (
    UPDATE waiting_waitingentry AS w
    SET contact_name = '', contact_email = '', participants = '[]', answers = '[]',
        consents = '[]', key = '', fingerprint = '', forgotten_at = now()
    FROM events_event AS e
    WHERE e.id = w.event_id AND e.ends_at < %(before)s AND w.forgotten_at IS NULL
        AND w.state <> 'waiting'
    RETURNING w.id
), mails AS (
    UPDATE mail_message AS m
    SET recipient = ''
    FROM forgotten
    WHERE m.waiting_id = forgotten.id
), words AS (
    -- As they went out, with the name that they begin with.
    DELETE FROM mail_sending AS s
    USING mail_message AS m, forgotten
    WHERE s.message_id = m.id AND m.waiting_id = forgotten.id
)
SELECT count(*) FROM forgotten
