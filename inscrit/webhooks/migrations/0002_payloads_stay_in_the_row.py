"""A Stripe event of 3 to 5 kB stays in its row: no compression, no second table to write."""

from django.db import migrations

FORWARD = """
ALTER TABLE webhooks_stripeevent SET (toast_tuple_target = 8160);
ALTER TABLE webhooks_stripeevent ALTER COLUMN payload SET STORAGE EXTERNAL;
"""
BACKWARD = """
ALTER TABLE webhooks_stripeevent RESET (toast_tuple_target);
ALTER TABLE webhooks_stripeevent ALTER COLUMN payload SET STORAGE EXTENDED;
"""


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
