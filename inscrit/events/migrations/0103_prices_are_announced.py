"""Whoever watches an event's places hears that a price has come, gone, or has another limit.

Places taken at a price move with the event's own counters, in the same transaction: a statement
that names those alone does not run this.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION inscrit_announce_prices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(
        'inscrit_places', CASE WHEN TG_OP = 'DELETE' THEN OLD.event_id ELSE NEW.event_id END
    );
    RETURN NULL;
END $$;

CREATE TRIGGER announce_prices
AFTER INSERT OR DELETE OR UPDATE OF quota, active ON events_priceoption
FOR EACH ROW EXECUTE FUNCTION inscrit_announce_prices();
"""
BACKWARD = """
DROP TRIGGER announce_prices ON events_priceoption;
DROP FUNCTION inscrit_announce_prices();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0102_waiting_is_announced")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
