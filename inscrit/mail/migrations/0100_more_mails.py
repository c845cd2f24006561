"""Whole letters as they were sent, choices for an event's mails, and more kinds of them."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.db import migrations, models

import inscrit.mail.kinds


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0004_sales_can_be_stopped"),
        ("mail", "0003_who_waits_is_told"),
        ("registrations", "0004_journal_is_counted"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventMails",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="mails",
                        serialize=False,
                        to="events.event",
                        verbose_name="event",
                    ),
                ),
                (
                    "words",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text=(
                            "Stands in the confirmation and in the reminder: what to bring, "
                            "where to meet. Plain text; an empty line begins a new paragraph."
                        ),
                        max_length=2000,
                        verbose_name="your own words",
                    ),
                ),
                (
                    "reminder_days",
                    models.PositiveSmallIntegerField(
                        db_default=3,
                        default=3,
                        help_text="0 means that nobody is reminded.",
                        validators=[django.core.validators.MaxValueValidator(60)],
                        verbose_name="reminder, days before",
                    ),
                ),
            ],
            options={
                "verbose_name": "mails to registrants",
                "verbose_name_plural": "mails to registrants",
            },
        ),
        migrations.CreateModel(
            name="Sending",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="sent"),
                ),
                ("recipient", models.EmailField(max_length=254, verbose_name="recipient")),
                ("subject", models.TextField(verbose_name="subject")),
                ("text", models.TextField(verbose_name="as text")),
                ("html", models.TextField(verbose_name="as HTML")),
                (
                    "attachments",
                    models.TextField(blank=True, default="", verbose_name="attachments"),
                ),
            ],
            options={
                "verbose_name": "sending",
                "verbose_name_plural": "sendings",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Unsubscribed",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.EmailField(max_length=254, verbose_name="e-mail")),
                (
                    "kind",
                    models.CharField(
                        choices=inscrit.mail.kinds.choices, max_length=32, verbose_name="kind"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="since"),
                ),
            ],
            options={
                "verbose_name": "unsubscribed address",
                "verbose_name_plural": "unsubscribed addresses",
                "ordering": ("-at",),
            },
        ),
        migrations.CreateModel(
            name="UntoldChange",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="untold_change",
                        serialize=False,
                        to="events.event",
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("location", models.CharField(blank=True, max_length=200)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("time_zone", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "change nobody was told of",
                "verbose_name_plural": "changes nobody was told of",
            },
        ),
        migrations.RemoveConstraint(
            model_name="message",
            name="message_state_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="message",
            name="message_concerns_somebody",
        ),
        migrations.AlterField(
            model_name="message",
            name="kind",
            field=models.CharField(
                choices=inscrit.mail.kinds.choices, max_length=32, verbose_name="kind"
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("retrying", "To be tried again"),
                    ("sent", "Sent"),
                    ("failed", "Failed"),
                    ("dropped", "Not sent, and won’t be"),
                ],
                default="queued",
                max_length=16,
                verbose_name="state",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["queued", "retrying", "sent", "failed", "dropped"])
                ),
                name="message_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("registration__isnull", False),
                    ("waiting__isnull", False),
                    models.Q(
                        ("key__isnull", False), models.Q(("kind", "confirmed"), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="message_concerns_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="eventmails",
            constraint=models.CheckConstraint(
                condition=models.Q(("reminder_days__gte", 0), ("reminder_days__lte", 60)),
                name="reminder_is_not_too_early",
            ),
        ),
        migrations.AddField(
            model_name="sending",
            name="message",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sendings",
                to="mail.message",
            ),
        ),
        migrations.AddConstraint(
            model_name="unsubscribed",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("address"),
                models.F("kind"),
                name="unsubscribed_once",
            ),
        ),
    ]
