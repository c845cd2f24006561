import django.db.models.deletion
import django.utils.timezone
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# What somebody agreed to must be provable: no row is rewritten, whoever asks.
AGREEMENTS_STAND = """
CREATE FUNCTION inscrit_refuse_new_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was agreed to is not rewritten' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER agreements_stand
BEFORE UPDATE ON registrations_agreement
FOR EACH ROW EXECUTE FUNCTION inscrit_refuse_new_words();
"""
AGREEMENTS_DO_NOT_STAND = """
DROP TRIGGER agreements_stand ON registrations_agreement;
DROP FUNCTION inscrit_refuse_new_words();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0101_options"),
        ("registrations", "0007_moved_and_corrected"),
    ]

    operations = [
        migrations.CreateModel(
            name="Agreement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.TextField(verbose_name="text")),
                ("given", models.BooleanField(verbose_name="agreed")),
                (
                    "at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="when"),
                ),
            ],
            options={
                "verbose_name": "agreement",
                "verbose_name_plural": "agreements",
                "ordering": ("registration", "consent__position", "consent"),
            },
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.TextField(verbose_name="answer")),
            ],
            options={
                "verbose_name": "answer",
                "verbose_name_plural": "answers",
                "ordering": ("registration", "participant", "question__position", "question"),
            },
        ),
        migrations.AddField(
            model_name="participant",
            name="option",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="participants",
                to="events.priceoption",
                verbose_name="price option",
            ),
        ),
        migrations.AddField(
            model_name="participant",
            name="option_name",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=100,
                verbose_name="price option",
            ),
        ),
        migrations.AddField(
            model_name="participant",
            name="price",
            field=models.PositiveIntegerField(
                blank=True, editable=False, null=True, verbose_name="price"
            ),
        ),
        migrations.AddField(
            model_name="registration",
            name="option_places",
            field=models.JSONField(
                editable=False, null=True, verbose_name="places by price option"
            ),
        ),
        migrations.AlterField(
            model_name="registration",
            name="cancelling",
            field=models.CharField(
                blank=True,
                choices=[
                    ("refund", "Yes, with the money back"),
                    ("accept", "Yes, unless it is paid by now"),
                ],
                db_default="",
                default="",
                max_length=8,
                verbose_name="being cancelled",
            ),
        ),
        migrations.AlterField(
            model_name="registration",
            name="payment_method",
            field=models.CharField(
                choices=[
                    ("stripe", "By card, online"),
                    ("cheque", "By cheque"),
                    ("cash", "In cash"),
                    ("transfer", "By bank transfer"),
                ],
                default="stripe",
                max_length=16,
                verbose_name="payment",
            ),
        ),
        AddConstraintNotValid(
            model_name="participant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("option__isnull", True), ("price__isnull", False), _connector="OR"
                ),
                name="participant_option_has_a_price",
            ),
        ),
        migrations.AddField(
            model_name="agreement",
            name="consent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="agreements",
                to="events.consent",
                verbose_name="consent",
            ),
        ),
        migrations.AddField(
            model_name="agreement",
            name="registration",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                db_index=False,
                related_name="agreements",
                to="registrations.registration",
            ),
        ),
        migrations.AddField(
            model_name="answer",
            name="participant",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="answers",
                to="registrations.participant",
            ),
        ),
        migrations.AddField(
            model_name="answer",
            name="question",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="answers",
                to="events.question",
                verbose_name="question",
            ),
        ),
        migrations.AddField(
            model_name="answer",
            name="registration",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                db_index=False,
                related_name="answers",
                to="registrations.registration",
            ),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.UniqueConstraint(
                fields=("registration", "consent"), name="consent_is_asked_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.UniqueConstraint(
                fields=("registration", "question", "participant"),
                name="question_is_answered_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.CheckConstraint(
                condition=models.Q(("value", ""), _negated=True), name="answer_says_something"
            ),
        ),
        migrations.RunSQL(AGREEMENTS_STAND, AGREEMENTS_DO_NOT_STAND),
    ]
