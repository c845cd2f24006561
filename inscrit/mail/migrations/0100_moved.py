"""A mail of its own for who is moved to another event."""

from django.db import migrations, models

KINDS = [
    ("confirmed", "Registration confirmed"),
    ("expired", "Registration expired"),
    ("payment_failed", "Payment failed"),
    ("late_refunded", "Late payment returned"),
    ("refunded", "Refund"),
    ("cancelled", "Registration cancelled"),
    ("moved", "Registration moved"),
    ("organiser_review", "To the organiser: please look"),
    ("organiser_alert", "To the organiser: an alert"),
]


class Migration(migrations.Migration):
    dependencies = [("mail", "0002_organisers_are_told")]
    operations = [
        migrations.AlterField(
            model_name="message",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=32, verbose_name="kind"),
        ),
    ]
