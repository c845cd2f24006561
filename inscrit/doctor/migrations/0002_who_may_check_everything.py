from django.db import migrations


class Migration(migrations.Migration):
    """Looking is one thing, having mails and pings sent another."""

    dependencies = [("doctor", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="setup",
            options={
                "verbose_name": "set-up",
                "verbose_name_plural": "set-up",
                "managed": False,
                "default_permissions": ("view", "change"),
            },
        ),
    ]
