"""In the transaction that frees places, whoever frees them, a job is queued that hands them on."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION inscrit_serve_waiting_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(ARRAY[
        ROW('upkeep', 'inscrit.waiting.tasks.serve', 5, NULL, NULL,
            jsonb_build_object('event_id', NEW.id), NULL)::procrastinate_job_to_defer_v1
    ]);
    RETURN NULL;
END $$;

-- A place that is held and then confirmed is no news to those who wait: only what comes free is.
CREATE TRIGGER serve_waiting_list
AFTER UPDATE OF capacity, confirmed, held, waiting, status, sales_stopped_at ON events_event
FOR EACH ROW
WHEN (
    NEW.waiting > 0
    AND (
        OLD.waiting, OLD.status, OLD.sales_stopped_at, OLD.capacity - OLD.confirmed - OLD.held
    ) IS DISTINCT FROM (
        NEW.waiting, NEW.status, NEW.sales_stopped_at, NEW.capacity - NEW.confirmed - NEW.held
    )
    AND (
        NEW.status = 'cancelled'
        OR (
            NEW.status = 'published'
            AND NEW.sales_stopped_at IS NULL
            AND coalesce(NEW.capacity - NEW.confirmed - NEW.held > 0, true)
        )
    )
)
EXECUTE FUNCTION inscrit_serve_waiting_list();

CREATE TRIGGER waiting_journal_is_append_only
BEFORE UPDATE OR DELETE ON waiting_waitingnote
FOR EACH ROW EXECUTE FUNCTION inscrit_refuse_change();
"""
BACKWARD = """
DROP TRIGGER waiting_journal_is_append_only ON waiting_waitingnote;
DROP TRIGGER serve_waiting_list ON events_event;
DROP FUNCTION inscrit_serve_waiting_list();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("waiting", "0001_initial"),
        ("events", "0005_waiting_list"),
        ("registrations", "0002_journal_is_append_only"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
