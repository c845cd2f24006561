"""Whoever watches an event's places hears of each change, on every replica, at commit."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION inscrit_announce_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('inscrit_places', NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER announce_places
AFTER INSERT OR UPDATE OF capacity, confirmed, held, status ON events_event
FOR EACH ROW EXECUTE FUNCTION inscrit_announce_places();
"""
BACKWARD = """
DROP TRIGGER announce_places ON events_event;
DROP FUNCTION inscrit_announce_places();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
