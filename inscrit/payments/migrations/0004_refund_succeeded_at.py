"""When a refund succeeded: it stays, also if the refund fails later."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_to_be_looked_at")]
    operations = [
        migrations.AddField(
            model_name="refund",
            name="succeeded_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="returned on"),
        ),
        migrations.RunSQL(
            "UPDATE payments_refund SET succeeded_at = created_at WHERE status = 'succeeded'",
            migrations.RunSQL.noop,
        ),
    ]
