"""Registrations are found by their e-mail address, in whatever case it is written."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("registrations", "0005_offered_from_the_waiting_list")]
    operations = [
        AddIndexConcurrently(
            model_name="registration",
            index=models.Index(Upper("contact_email"), name="registration_by_address"),
        ),
    ]
