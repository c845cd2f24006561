from django.db import migrations, models

TRANSITIONS = ~models.Q(from_status=models.F("to_status")) & models.Q(
    to_status__in=["PAID", "EXPIRED", "FAILED"]
)
NOTES = models.Q(
    reason__in=[
        "late_payment_refunded",
        "late_payment_review",
        "amount_mismatch",
        "wrong_mode",
        "other_registration",
    ]
)


class Migration(migrations.Migration):
    dependencies = [("registrations", "0003_cancelling")]
    operations = [
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                condition=TRANSITIONS | NOTES,
                fields=["to_status", "reason", "from_status"],
                name="journal_counted",
            ),
        ),
    ]
