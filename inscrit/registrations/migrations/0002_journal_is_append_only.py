"""The database itself refuses to rewrite what happened."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION inscrit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER journal_is_append_only
BEFORE UPDATE OR DELETE ON registrations_journalentry
FOR EACH ROW EXECUTE FUNCTION inscrit_refuse_change();
"""
BACKWARD = """
DROP TRIGGER journal_is_append_only ON registrations_journalentry;
DROP FUNCTION inscrit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("registrations", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
