"""What the journal tells beyond its words, and an index for what came in day by day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registrations", "0006_found_by_address")]
    operations = [
        migrations.AddField(
            model_name="journalentry",
            name="details",
            field=models.JSONField(blank=True, db_default={}, default=dict, verbose_name="details"),
        ),
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(
                condition=models.Q(paid_at__isnull=False),
                fields=["paid_at"],
                name="registration_by_payment",
            ),
        ),
    ]
