from django.db import migrations, models


class Migration(migrations.Migration):
    """A permission without a table."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="SetUp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "verbose_name": "set-up",
                "verbose_name_plural": "set-up",
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
    ]
