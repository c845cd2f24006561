-- name: queue
-- Messages of one kind to some registrants, each told once for its key; their jobs with them.
WITH queued AS (
    INSERT INTO mail_message (
        registration_id, kind, key, context, recipient, locale, state, attempts, error,
        created_at, next_try_at
    )
    SELECT r.id, %(kind)s, %(key)s || ' ' || r.id, %(context)s::jsonb, r.contact_email, r.locale,
        'queued', 0, '', now(), now() + interval '5 minutes'
    FROM registrations_registration AS r
    WHERE r.id = ANY(%(registrations)s::text[])
        AND NOT EXISTS (
            SELECT FROM mail_unsubscribed AS u
            WHERE lower(u.address) = lower(r.contact_email) AND u.kind = %(kind)s
        )
    ORDER BY r.id
    ON CONFLICT DO NOTHING
    RETURNING id
), parcels AS (
    SELECT jsonb_agg(id) AS ids
    FROM (SELECT id, (row_number() OVER () - 1) / 20 AS parcel FROM queued) AS numbered
    GROUP BY parcel
), deferred AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('mail', 'inscrit.mail.tasks.deliver', 0, NULL, NULL,
            jsonb_build_object('message_ids', ids), NULL)::procrastinate_job_to_defer_v1
    ))
    FROM parcels
    HAVING count(*) > 0
)
SELECT (SELECT count(*) FROM queued), (SELECT count(*) FROM deferred)
