"""One place that gives messages the jobs which send them: all three that queue some ask it."""

from django.db import migrations

FORWARD = """
-- A job carries some messages at once: a job each would cost more than all the rest.
CREATE FUNCTION inscrit_deliver(messages bigint[]) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('mail', 'inscrit.mail.tasks.deliver', 0, NULL, NULL,
            jsonb_build_object('message_ids', ids), NULL)::procrastinate_job_to_defer_v1
    ))
    FROM (
        SELECT jsonb_agg(id ORDER BY number) AS ids
        FROM unnest(messages) WITH ORDINALITY AS message (id, number)
        GROUP BY (number - 1) / 20
    ) AS parcels
    HAVING count(*) > 0
$$;
"""
BACKWARD = "DROP FUNCTION inscrit_deliver(bigint[]);"


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0103_who_waits_believes_too"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
