"""One definition of who would be served now: for serving them, and for what is kept for them."""

from django.db import migrations

FORWARD = """
-- Those who wait and fit, in their order, as if each before them had got the places; at each
-- price, too. Exact for whoever has the event's lock.
CREATE OR REPLACE FUNCTION inscrit_served_now(event text)
RETURNS TABLE (entry_id text, places int, options jsonb) LANGUAGE plpgsql STABLE AS $$
DECLARE
    free int;    -- null: without a limit
    rooms jsonb; -- what is free at each price that is for a few only
    entry record;
BEGIN
    SELECT e.capacity - e.confirmed - e.held INTO free FROM events_event AS e WHERE e.id = event;
    SELECT coalesce(jsonb_object_agg(o.id, o.quota - o.taken), '{}') INTO rooms
    FROM events_priceoption AS o
    WHERE o.event_id = event AND o.quota IS NOT NULL;
    FOR entry IN
        SELECT w.id, w.places AS wanted, (
            SELECT coalesce(jsonb_object_agg(option_id, n), '{}')
            FROM (
                SELECT person ->> 2 AS option_id, count(*) AS n
                FROM jsonb_array_elements(w.participants) AS person
                WHERE person ->> 2 IS NOT NULL
                GROUP BY 1
            ) AS chosen
        ) AS chosen
        FROM waiting_waitingentry AS w
        WHERE w.event_id = event AND w.state = 'waiting' AND (free IS NULL OR w.places <= free)
        ORDER BY w.number
    LOOP
        CONTINUE WHEN entry.wanted > free OR EXISTS (
            SELECT FROM jsonb_each(entry.chosen) AS c WHERE (rooms -> c.key)::int < c.value::int
        );
        free := free - entry.wanted;
        SELECT rooms || coalesce(
            jsonb_object_agg(c.key, (rooms -> c.key)::int - c.value::int), '{}'
        ) INTO rooms
        FROM jsonb_each(entry.chosen) AS c
        WHERE rooms ? c.key;
        entry_id := entry.id;
        places := entry.wanted;
        options := entry.chosen;
        RETURN NEXT;
        EXIT WHEN free = 0;
    END LOOP;
END $$;
"""
BACKWARD = "DROP FUNCTION inscrit_served_now(text);"


class Migration(migrations.Migration):
    dependencies = [
        ("waiting", "0004_key"),
        ("events", "0102_waiting_is_announced"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
