"""Who waits keeps what they chose and answered; a price that comes free is handed on, too."""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION inscrit_serve_waiting_list_for_option() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW('upkeep', 'inscrit.waiting.tasks.serve', 5, NULL, NULL,
            jsonb_build_object('event_id', NEW.event_id), NULL)::procrastinate_job_to_defer_v1
    ]);
    RETURN NULL;
END $$;

CREATE TRIGGER serve_waiting_list_for_option
AFTER UPDATE OF quota, taken, waiting ON events_priceoption
FOR EACH ROW
WHEN (
    NEW.waiting > 0
    AND (OLD.waiting, OLD.quota - OLD.taken) IS DISTINCT FROM (NEW.waiting, NEW.quota - NEW.taken)
    AND coalesce(NEW.quota - NEW.taken > 0, true)
)
EXECUTE FUNCTION inscrit_serve_waiting_list_for_option();
"""
BACKWARD = """
DROP TRIGGER serve_waiting_list_for_option ON events_priceoption;
DROP FUNCTION inscrit_serve_waiting_list_for_option();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0101_options"),
        ("waiting", "0002_places_that_come_free_are_handed_on"),
    ]
    operations = [
        migrations.AddField(
            model_name="waitingentry",
            name="answers",
            field=models.JSONField(db_default=[], default=list, verbose_name="answers"),
        ),
        migrations.AddField(
            model_name="waitingentry",
            name="consents",
            field=models.JSONField(db_default=[], default=list, verbose_name="consents"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
