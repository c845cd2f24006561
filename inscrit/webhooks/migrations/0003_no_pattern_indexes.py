"""Drop the second index that Django gives each text key for LIKE searches by its beginning.

Our keys are looked up whole. Each of these indexes would cost every confirmation a write.
"""

from django.db import migrations

FORWARD = r"""
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT indexname FROM pg_indexes
        WHERE schemaname = current_schema()
        AND tablename ~ '^(events|registrations|payments|mail|webhooks)_'
        AND indexname LIKE '%\_like'
    LOOP
        EXECUTE format('DROP INDEX %I', found.indexname);
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0002_payloads_stay_in_the_row"),
        ("events", "0002_places_are_announced"),
        ("registrations", "0002_journal_is_append_only"),
        ("payments", "0001_initial"),
        ("mail", "0001_initial"),
    ]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
