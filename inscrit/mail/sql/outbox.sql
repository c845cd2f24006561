-- name: queue
-- Messages of one kind to some registrants and to some who wait, each told once for its key; their
-- jobs with them.
WITH readers AS (
    SELECT r.id AS about, r.id AS registration_id, NULL AS waiting_id, r.contact_email, r.locale
    FROM registrations_registration AS r
    WHERE r.id = ANY(%(registrations)s::text[])
    UNION ALL
    SELECT w.id, NULL, w.id, w.contact_email, w.locale
    FROM waiting_waitingentry AS w
    WHERE w.id = ANY(%(entries)s::text[])
), queued AS (
    INSERT INTO mail_message (
        registration_id, waiting_id, kind, key, context, recipient, locale, state, attempts, error,
        created_at, next_try_at
    )
    SELECT r.registration_id, r.waiting_id, %(kind)s, %(key)s || ' ' || r.about,
        %(context)s::jsonb, r.contact_email, r.locale,
        'queued', 0, '', now(), now() + interval '5 minutes'
    FROM readers AS r
    WHERE NOT EXISTS (
        SELECT FROM mail_unsubscribed AS u
        WHERE lower(u.address) = lower(r.contact_email) AND u.kind = %(kind)s
    )
    ORDER BY r.about
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*), inscrit_deliver(array_agg(id)) FROM queued
