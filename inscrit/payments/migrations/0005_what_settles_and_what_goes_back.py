from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_refund_succeeded_at")]

    operations = [
        AddConstraintNotValid(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("settles", False),
                    models.Q(("status", "failed"), _negated=True),
                    _connector="OR",
                ),
                name="payment_that_failed_settles_nothing",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("stripe_id__isnull", False),
                    ("status__in", ["ordered", "failed"]),
                    _connector="OR",
                ),
                name="refund_at_stripe_has_its_number",
            ),
        ),
    ]
