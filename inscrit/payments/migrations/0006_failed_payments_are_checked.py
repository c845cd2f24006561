from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_what_settles_and_what_goes_back")]

    operations = [ValidateConstraint("payment", "payment_that_failed_settles_nothing")]
