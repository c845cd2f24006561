"""Who joins the waiting list, or leaves it, moves the places that are left for others."""

from django.db import migrations

TRIGGER = """
CREATE OR REPLACE TRIGGER announce_places
AFTER INSERT OR UPDATE OF {columns} ON events_event
FOR EACH ROW EXECUTE FUNCTION inscrit_announce_places();
"""
FORWARD = TRIGGER.format(columns="capacity, confirmed, held, waiting, status")
BACKWARD = TRIGGER.format(columns="capacity, confirmed, held, status")


class Migration(migrations.Migration):
    dependencies = [("events", "0101_options")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
