"""The database gives receipts their numbers, keeps them, and counts an event's changes."""

from django.db import migrations

# Each number follows the highest there is, under a lock until the commit: what is rolled back
# leaves no gap, and two at once wait for each other.
NUMBERS = """
CREATE FUNCTION papers_number_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('papers_receipt'), NEW.year);
    SELECT coalesce(max(number), 0) + 1 INTO NEW.number FROM papers_receipt WHERE year = NEW.year;
    RETURN NEW;
END $$;

CREATE TRIGGER receipt_gets_its_number
BEFORE INSERT ON papers_receipt
FOR EACH ROW EXECUTE FUNCTION papers_number_receipt();

CREATE FUNCTION papers_keep_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a receipt that was given stays as it is' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER receipt_stays
BEFORE UPDATE OR DELETE ON papers_receipt
FOR EACH ROW EXECUTE FUNCTION papers_keep_receipt();
"""
NUMBERS_BACK = """
DROP TRIGGER receipt_stays ON papers_receipt;
DROP TRIGGER receipt_gets_its_number ON papers_receipt;
DROP FUNCTION papers_keep_receipt();
DROP FUNCTION papers_number_receipt();
"""

# Only statements that name these columns look at it: the counters of places move without it.
EDITIONS = """
CREATE FUNCTION papers_count_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO papers_edition AS e (event_id, sequence, changed_at)
    VALUES (NEW.id, 1, now())
    ON CONFLICT (event_id) DO UPDATE SET sequence = e.sequence + 1, changed_at = now();
    RETURN NULL;
END $$;

CREATE TRIGGER event_has_a_new_edition
AFTER UPDATE OF title, description, location, starts_at, ends_at, time_zone, status
ON events_event
FOR EACH ROW
WHEN (
    (OLD.title, OLD.description, OLD.location, OLD.starts_at, OLD.ends_at, OLD.time_zone,
        OLD.status)
    IS DISTINCT FROM
    (NEW.title, NEW.description, NEW.location, NEW.starts_at, NEW.ends_at, NEW.time_zone,
        NEW.status)
)
EXECUTE FUNCTION papers_count_edition();
"""
EDITIONS_BACK = """
DROP TRIGGER event_has_a_new_edition ON events_event;
DROP FUNCTION papers_count_edition();
"""


class Migration(migrations.Migration):
    dependencies = [("papers", "0001_initial")]
    operations = [
        migrations.RunSQL(NUMBERS, NUMBERS_BACK),
        migrations.RunSQL(EDITIONS, EDITIONS_BACK),
    ]
