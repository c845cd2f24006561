"""A change is remembered as well where nobody has a place, but somebody waits for one."""

from django.db import migrations

TRIGGER = """
CREATE OR REPLACE TRIGGER remember_change
AFTER UPDATE OF title, location, starts_at, ends_at, time_zone ON events_event
FOR EACH ROW
WHEN (
    NEW.status = 'published' AND NEW.confirmed + NEW.held{waiting} > 0
    AND (OLD.title, OLD.location, OLD.starts_at, OLD.ends_at, OLD.time_zone)
        IS DISTINCT FROM (NEW.title, NEW.location, NEW.starts_at, NEW.ends_at, NEW.time_zone)
)
EXECUTE FUNCTION inscrit_remember_change();
"""
FORWARD = TRIGGER.format(waiting=" + NEW.waiting")
BACKWARD = TRIGGER.format(waiting="")


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0102_own_words_in_both_languages"),
        ("events", "0005_waiting_list"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
