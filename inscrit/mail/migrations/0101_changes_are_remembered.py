"""What registrants believe of an event is remembered when it is changed, whoever changes it.

The counters are not among these columns: moving places fires nothing.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION inscrit_remember_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mail_untoldchange AS u (
        event_id, title, location, starts_at, ends_at, time_zone, at
    )
    VALUES (
        OLD.id, OLD.title, OLD.location, OLD.starts_at, OLD.ends_at, OLD.time_zone,
        clock_timestamp()
    )
    ON CONFLICT (event_id) DO UPDATE SET at = excluded.at;
    RETURN NULL;
END $$;

CREATE TRIGGER remember_change
AFTER UPDATE OF title, location, starts_at, ends_at, time_zone ON events_event
FOR EACH ROW
WHEN (
    NEW.status = 'published' AND NEW.confirmed + NEW.held > 0
    AND (OLD.title, OLD.location, OLD.starts_at, OLD.ends_at, OLD.time_zone)
        IS DISTINCT FROM (NEW.title, NEW.location, NEW.starts_at, NEW.ends_at, NEW.time_zone)
)
EXECUTE FUNCTION inscrit_remember_change();
"""
BACKWARD = """
DROP TRIGGER remember_change ON events_event;
DROP FUNCTION inscrit_remember_change();
"""


class Migration(migrations.Migration):
    dependencies = [("mail", "0100_more_mails"), ("events", "0004_sales_can_be_stopped")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
