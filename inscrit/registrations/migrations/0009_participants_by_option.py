from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

# As in webhooks.0003: keys are looked up whole, an index for their beginnings serves nobody.
NO_PATTERN_INDEXES = r"""
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT indexname FROM pg_indexes
        WHERE schemaname = current_schema()
        AND tablename IN (
            'events_priceoption', 'events_question', 'events_consent', 'registrations_answer',
            'registrations_agreement', 'registrations_participant'
        )
        AND indexname LIKE '%\_like'
    LOOP
        EXECUTE format('DROP INDEX %I', found.indexname);
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("registrations", "0008_options")]

    operations = [
        ValidateConstraint("participant", "participant_option_has_a_price"),
        migrations.RunSQL(NO_PATTERN_INDEXES, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="participant",
            index=models.Index(
                condition=models.Q(("option__isnull", False)),
                fields=["option"],
                name="participant_by_option",
            ),
        ),
    ]
