"""A change of a registration or an event is told in the transaction that makes it.

Every change of a registration writes a journal row, so one trigger on the journal sees all of
them, whichever way they come. Without an enabled endpoint it is one look at an empty index, once
for each statement, however many rows that writes.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION inscrit_outgoing_send(messages text[]) RETURNS void LANGUAGE sql AS $$
    WITH due AS (
        INSERT INTO outgoing_delivery (
            message_id, endpoint_id, state, attempts, created_at, next_try_at
        )
        SELECT m.id, e.id, 'waiting', 0, now(), now() + interval '5 minutes'
        FROM outgoing_message AS m
        JOIN outgoing_endpoint AS e ON e.disabled_at IS NULL AND m.type = ANY(e.types)
        WHERE m.id = ANY(messages)
        ORDER BY m.at, m.id
        RETURNING id, endpoint_id
    ), numbered AS (
        SELECT id, endpoint_id,
            (row_number() OVER (PARTITION BY endpoint_id ORDER BY id) - 1) / 20 AS parcel
        FROM due
    ), parcels AS (
        SELECT endpoint_id, jsonb_agg(id ORDER BY id) AS ids
        FROM numbered GROUP BY endpoint_id, parcel
    )
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('outgoing', 'inscrit.outgoing.tasks.deliver', 0, 'outgoing ' || endpoint_id, NULL,
            jsonb_build_object('delivery_ids', ids), NULL)::procrastinate_job_to_defer_v1
    ))
    FROM parcels
    HAVING count(*) > 0;
$$;

CREATE FUNCTION inscrit_outgoing_wanted(wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM outgoing_endpoint WHERE disabled_at IS NULL AND wanted = ANY(types)
    );
$$;

CREATE FUNCTION inscrit_outgoing_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    messages text[];
BEGIN
    IF NOT EXISTS (SELECT FROM outgoing_endpoint WHERE disabled_at IS NULL) THEN
        RETURN NULL;
    END IF;
    WITH told AS (
        SELECT *, 'registration.' || CASE
            WHEN from_status = to_status THEN 'updated' ELSE lower(to_status)
        END AS type
        FROM written
    ), said AS (
        INSERT INTO outgoing_message (
            id, type, registration_id, from_status, to_status, reason, at
        )
        SELECT 'msg-' || replace(gen_random_uuid()::text, '-', ''), type, registration_id,
            from_status, to_status, reason, at
        FROM told WHERE inscrit_outgoing_wanted(type)
        RETURNING id
    )
    SELECT array_agg(id) INTO messages FROM said;
    IF messages IS NOT NULL THEN
        PERFORM inscrit_outgoing_send(messages);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER outgoing_journal
AFTER INSERT ON registrations_journalentry
REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION inscrit_outgoing_journal();

CREATE FUNCTION inscrit_outgoing_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said text := CASE
        WHEN TG_OP = 'INSERT' THEN 'event.created'
        WHEN NEW.status <> OLD.status AND NEW.status <> 'draft' THEN 'event.' || NEW.status
        ELSE 'event.updated'
    END;
    message text := 'msg-' || replace(gen_random_uuid()::text, '-', '');
BEGIN
    IF inscrit_outgoing_wanted(said) THEN
        INSERT INTO outgoing_message (id, type, event_id, from_status, to_status, at)
        VALUES (
            message, said, NEW.id,
            CASE WHEN TG_OP = 'UPDATE' THEN OLD.status ELSE '' END, NEW.status, clock_timestamp()
        );
        PERFORM inscrit_outgoing_send(ARRAY[message]);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER outgoing_event_created
AFTER INSERT ON events_event
FOR EACH ROW EXECUTE FUNCTION inscrit_outgoing_event();

-- Places that are taken or freed are no change of the event: the registrations tell of those.
CREATE TRIGGER outgoing_event_changed
AFTER UPDATE OF slug, title, description, location, starts_at, ends_at, time_zone, price, currency,
    capacity, sales_end_at, refund_until, status, late_payment, lost_dispute
ON events_event
FOR EACH ROW
WHEN ((OLD.slug, OLD.title, OLD.description, OLD.location, OLD.starts_at, OLD.ends_at,
       OLD.time_zone, OLD.price, OLD.currency, OLD.capacity, OLD.sales_end_at, OLD.refund_until,
       OLD.status, OLD.late_payment, OLD.lost_dispute)
      IS DISTINCT FROM
      (NEW.slug, NEW.title, NEW.description, NEW.location, NEW.starts_at, NEW.ends_at,
       NEW.time_zone, NEW.price, NEW.currency, NEW.capacity, NEW.sales_end_at, NEW.refund_until,
       NEW.status, NEW.late_payment, NEW.lost_dispute))
EXECUTE FUNCTION inscrit_outgoing_event();
"""
BACKWARD = """
DROP TRIGGER outgoing_event_changed ON events_event;
DROP TRIGGER outgoing_event_created ON events_event;
DROP TRIGGER outgoing_journal ON registrations_journalentry;
DROP FUNCTION inscrit_outgoing_event();
DROP FUNCTION inscrit_outgoing_journal();
DROP FUNCTION inscrit_outgoing_wanted(text);
DROP FUNCTION inscrit_outgoing_send(text[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("outgoing", "0001_initial"),
        ("registrations", "0004_journal_is_counted"),
        ("events", "0003_lost_dispute"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
