"""One definition of what came of a registration's money, for sums; see payments/received.py."""

from django.db import migrations

FORWARD = """
-- The amount agreed, but where the registration stands, or stood, on a payment of another one that
-- a person accepted. Before it is paid, what is to come.
CREATE FUNCTION inscrit_received(registration text)
RETURNS TABLE (amount bigint, returned bigint, currency text) LANGUAGE sql STABLE AS $$
    SELECT coalesce(other.amount, r.amount), coalesce(other.returned, r.amount_refunded),
        coalesce(other.currency, r.currency)
    FROM registrations_registration AS r
    LEFT JOIN LATERAL (
        SELECT p.amount, p.currency, least(p.amount, p.refunded + coalesce((
            SELECT sum(d.amount)
            FROM payments_dispute AS d
            WHERE d.payment_id = p.key AND d.status = 'lost'
        ), 0))::bigint AS returned
        FROM payments_payment AS p
        WHERE p.registration_id = r.id
            AND r.paid_at IS NOT NULL
            AND p.status = 'succeeded'
            AND (p.amount, p.currency) <> (r.amount, r.currency)
            -- It gave its places back since: the only one that came.
            AND (p.settles OR r.payment_method = 'stripe' AND NOT EXISTS (
                SELECT FROM payments_payment AS more
                WHERE more.registration_id = r.id
                    AND more.status = 'succeeded'
                    AND more.key <> p.key
            ))
        ORDER BY p.settles DESC
        LIMIT 1
    ) AS other ON true
    WHERE r.id = registration
$$;
"""
BACKWARD = "DROP FUNCTION inscrit_received(text);"


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0006_failed_payments_are_checked"),
        ("registrations", "0009_participants_by_option"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
