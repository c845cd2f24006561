"""The organiser's own words for readers of the other language, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mail", "0101_changes_are_remembered")]

    operations = [
        migrations.AddField(
            model_name="eventmails",
            name="other_words",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="Whoever has nothing to read in their language reads the other one.",
                max_length=2000,
                verbose_name="your own words in the other language",
            ),
        ),
    ]
