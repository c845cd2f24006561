from django.db import migrations


class Migration(migrations.Migration):
    """A page with a permission of its own; no table."""

    dependencies = [("watchdog", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Health",
            fields=[],
            options={
                "verbose_name": "health",
                "verbose_name_plural": "health",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("watchdog.auditrun",),
        ),
    ]
