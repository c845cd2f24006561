"""Photos of events. Their bytes are pictures already: PostgreSQL need not try to press them."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

FORWARD = """
ALTER TABLE events_photofile ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE events_photofile ADD CONSTRAINT photo_file_is_small
    CHECK (octet_length(content) BETWEEN 1 AND 2000000 AND width BETWEEN 1 AND 4000);
"""
BACKWARD = "ALTER TABLE events_photofile DROP CONSTRAINT photo_file_is_small;"


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0005_waiting_list"),
    ]

    operations = [
        migrations.CreateModel(
            name="Photo",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="photo",
                        serialize=False,
                        to="events.event",
                        verbose_name="event",
                    ),
                ),
                (
                    "alt_fr",
                    models.CharField(
                        blank=True,
                        help_text="Read out to those who don’t see it: “Children on a stage”.",
                        max_length=200,
                        verbose_name="what it shows, in French",
                    ),
                ),
                (
                    "alt_en",
                    models.CharField(
                        blank=True, max_length=200, verbose_name="what it shows, in English"
                    ),
                ),
                ("sizes", models.JSONField(default=list, editable=False)),
                (
                    "changed_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="changed"
                    ),
                ),
            ],
            options={
                "verbose_name": "photo",
                "verbose_name_plural": "photos",
            },
        ),
        migrations.CreateModel(
            name="PhotoFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=32)),
                ("width", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                (
                    "photo",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stored",
                        to="events.photo",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["digest"], name="photo_by_digest")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("photo", "width"), name="photo_has_each_width_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{32}$")),
                        name="photo_digest_is_one",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
