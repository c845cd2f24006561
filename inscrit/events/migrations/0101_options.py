import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import inscrit.events.models
import inscrit.public_ids


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0100_photos"),
    ]

    operations = [
        migrations.CreateModel(
            name="Consent",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=inscrit.public_ids.new_consent_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("text", models.TextField(max_length=2000, verbose_name="text")),
                (
                    "other_text",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=2000,
                        verbose_name="text in the other language",
                    ),
                ),
                (
                    "required",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Nobody registers without agreeing.",
                        verbose_name="required",
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="order"),
                ),
                (
                    "active",
                    models.BooleanField(db_default=True, default=True, verbose_name="asked now"),
                ),
            ],
            options={
                "verbose_name": "consent",
                "verbose_name_plural": "consents",
                "ordering": ("position", "id"),
            },
        ),
        migrations.CreateModel(
            name="PriceOption",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=inscrit.public_ids.new_option_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "other_name",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=100,
                        verbose_name="name in the other language",
                    ),
                ),
                ("price", models.PositiveIntegerField(verbose_name="price")),
                (
                    "quota",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Leave empty for no limit of its own.",
                        null=True,
                        verbose_name="at most",
                    ),
                ),
                (
                    "taken",
                    models.PositiveIntegerField(
                        db_default=0, default=0, editable=False, verbose_name="taken"
                    ),
                ),
                (
                    "waiting",
                    models.PositiveIntegerField(
                        db_default=0, default=0, editable=False, verbose_name="wanted"
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="order"),
                ),
                (
                    "active",
                    models.BooleanField(db_default=True, default=True, verbose_name="offered"),
                ),
            ],
            options={
                "verbose_name": "price option",
                "verbose_name_plural": "price options",
                "ordering": ("position", "id"),
            },
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=inscrit.public_ids.new_question_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("text", models.CharField(max_length=300, verbose_name="question")),
                (
                    "other_text",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=300,
                        verbose_name="question in the other language",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "A line of text"),
                            ("long_text", "Several lines"),
                            ("choice", "One of several answers"),
                            ("yes_no", "Yes or no"),
                        ],
                        default="text",
                        max_length=16,
                        verbose_name="kind of answer",
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[("registration", "Once"), ("participant", "For each participant")],
                        default="registration",
                        max_length=16,
                        verbose_name="asked",
                    ),
                ),
                (
                    "choices",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="One a line, for “One of several answers”.",
                        verbose_name="answers to choose from",
                    ),
                ),
                (
                    "other_choices",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="As many lines, in the same order.",
                        verbose_name="these in the other language",
                    ),
                ),
                (
                    "required",
                    models.BooleanField(db_default=False, default=False, verbose_name="required"),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="order"),
                ),
                (
                    "active",
                    models.BooleanField(db_default=True, default=True, verbose_name="asked now"),
                ),
            ],
            options={
                "verbose_name": "question",
                "verbose_name_plural": "questions",
                "ordering": ("position", "id"),
            },
        ),
        migrations.AddField(
            model_name="event",
            name="how_to_pay",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text=(
                    "Whom a cheque is payable to and where it goes, when the desk is open for cash,"
                    " the IBAN for a transfer. Shown to whoever chose one of these."
                ),
                verbose_name="how to pay by hand",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="payment_days",
            field=models.PositiveSmallIntegerField(
                db_default=10,
                default=10,
                help_text=(
                    "How long places are held for a cheque, cash or a transfer; never beyond the"
                    " close of registration."
                ),
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(365),
                ],
                verbose_name="days to pay by hand",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="payment_methods",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("stripe", "By card, online"),
                        ("cheque", "By cheque"),
                        ("cash", "In cash"),
                        ("transfer", "By bank transfer"),
                    ],
                    max_length=16,
                ),
                db_default=["stripe", "cheque"],
                default=inscrit.events.models.usual_methods,
                size=None,
                verbose_name="ways to pay",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("payment_methods__contained_by", ["stripe", "cheque", "cash", "transfer"]),
                    ("payment_methods__len__gte", 1),
                ),
                name="event_payment_methods_are_known",
                violation_error_message="Choose at least one way to pay.",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(("payment_days__gte", 1), ("payment_days__lte", 365)),
                name="event_payment_days_are_some",
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="consents",
                to="events.event",
                verbose_name="event",
            ),
        ),
        migrations.AddField(
            model_name="priceoption",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="options",
                to="events.event",
                verbose_name="event",
            ),
        ),
        migrations.AddField(
            model_name="question",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="questions",
                to="events.event",
                verbose_name="event",
            ),
        ),
        migrations.AddConstraint(
            model_name="priceoption",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("quota__isnull", True), ("quota__gte", models.F("taken")), _connector="OR"
                ),
                name="option_is_not_oversold",
                violation_error_message=(
                    "There are already more registrations at this price than that."
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="priceoption",
            constraint=models.CheckConstraint(
                condition=models.Q(("price__gte", 0), ("price__lte", 99999999)),
                name="option_price_can_be_charged",
            ),
        ),
        migrations.AddConstraint(
            model_name="question",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["text", "long_text", "choice", "yes_no"])),
                name="question_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="question",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", ["registration", "participant"])),
                name="question_scope_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="question",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "choice"), _negated=True),
                    models.Q(("choices", ""), _negated=True),
                    _connector="OR",
                ),
                name="question_choice_has_choices",
                violation_error_message="Write the answers to choose from, one a line.",
            ),
        ),
    ]
