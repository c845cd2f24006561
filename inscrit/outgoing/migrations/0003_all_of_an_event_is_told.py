"""A change of anything that the API tells of an event is told, its lists and its photo too.

Counters of places move with every registration, and are no change: statements that name them alone
run none of these triggers. What one transaction changes of an event, in however many statements, is
one message. The lists that go with a deleted event are no change of it either, so what is deleted
is looked at again at the end of the transaction.
"""

from django.db import migrations

OWN = (
    "slug, title, description, location, starts_at, ends_at, time_zone, price, currency, capacity, "
    "sales_end_at, refund_until, status, late_payment, lost_dispute"
)
MORE = "offer_hours, payment_methods, payment_days, how_to_pay"
PARTS = {
    "events_priceoption": "event_id, name, other_name, price, quota, position, active",
    "events_question": (
        "event_id, text, other_text, kind, scope, choices, other_choices, required, position, "
        "active"
    ),
    "events_consent": "event_id, text, other_text, required, position, active",
    "events_photo": "event_id, alt_fr, alt_en, sizes",
}

TELL = """
CREATE FUNCTION inscrit_outgoing_tell(said text, event text, was text, becomes text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    message text := 'msg-' || replace(gen_random_uuid()::text, '-', '');
BEGIN
    -- A message is written when it is first sent, after the commit: the first one tells all.
    IF said = 'event.updated' AND event = current_setting('inscrit.event_told', true) THEN
        RETURN;
    END IF;
    PERFORM set_config('inscrit.event_told', event, true);
    IF inscrit_outgoing_wanted(said) THEN
        INSERT INTO outgoing_message (id, type, event_id, from_status, to_status, at)
        VALUES (message, said, event, was, becomes, clock_timestamp());
        PERFORM inscrit_outgoing_send(ARRAY[message]);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION inscrit_outgoing_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM inscrit_outgoing_tell(
        CASE
            WHEN TG_OP = 'INSERT' THEN 'event.created'
            WHEN NEW.status <> OLD.status AND NEW.status <> 'draft' THEN 'event.' || NEW.status
            ELSE 'event.updated'
        END,
        NEW.id,
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.status ELSE '' END,
        NEW.status
    );
    RETURN NULL;
END $$;

CREATE FUNCTION inscrit_outgoing_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    event text := CASE WHEN TG_OP = 'DELETE' THEN OLD.event_id ELSE NEW.event_id END;
    status_now text := (SELECT status FROM events_event WHERE id = event);
BEGIN
    IF status_now IS NOT NULL THEN
        PERFORM inscrit_outgoing_tell('event.updated', event, status_now, status_now);
    END IF;
    RETURN NULL;
END $$;
"""
TELL_BACK = """
DROP FUNCTION inscrit_outgoing_part();

CREATE OR REPLACE FUNCTION inscrit_outgoing_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said text := CASE
        WHEN TG_OP = 'INSERT' THEN 'event.created'
        WHEN NEW.status <> OLD.status AND NEW.status <> 'draft' THEN 'event.' || NEW.status
        ELSE 'event.updated'
    END;
    message text := 'msg-' || replace(gen_random_uuid()::text, '-', '');
BEGIN
    IF inscrit_outgoing_wanted(said) THEN
        INSERT INTO outgoing_message (id, type, event_id, from_status, to_status, at)
        VALUES (
            message, said, NEW.id,
            CASE WHEN TG_OP = 'UPDATE' THEN OLD.status ELSE '' END, NEW.status, clock_timestamp()
        );
        PERFORM inscrit_outgoing_send(ARRAY[message]);
    END IF;
    RETURN NULL;
END $$;

DROP FUNCTION inscrit_outgoing_tell(text, text, text, text);
"""
CHANGED = """
CREATE OR REPLACE TRIGGER outgoing_event_changed
AFTER UPDATE OF {columns} ON events_event
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))
EXECUTE FUNCTION inscrit_outgoing_event();
"""
PART = """
CREATE TRIGGER outgoing_part_added
AFTER INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION inscrit_outgoing_part();

CREATE TRIGGER outgoing_part_changed
AFTER UPDATE OF {columns} ON {table}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))
EXECUTE FUNCTION inscrit_outgoing_part();

CREATE CONSTRAINT TRIGGER outgoing_part_removed
AFTER DELETE ON {table} DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION inscrit_outgoing_part();
"""
PART_BACK = """
DROP TRIGGER outgoing_part_added ON {table};
DROP TRIGGER outgoing_part_changed ON {table};
DROP TRIGGER outgoing_part_removed ON {table};
"""


def _filled(template: str, columns: str, table: str = "events_event") -> str:
    names = columns.split(", ")
    old, new = (", ".join(f"{row}.{name}" for name in names) for row in ("OLD", "NEW"))
    return template.format(table=table, columns=columns, old=old, new=new)


def _of_parts(template: str) -> str:
    return "".join(_filled(template, columns, table) for table, columns in PARTS.items())


class Migration(migrations.Migration):
    dependencies = [
        ("outgoing", "0002_changes_are_told"),
        ("events", "0102_waiting_is_announced"),
    ]
    operations = [
        migrations.RunSQL(
            TELL + _filled(CHANGED, f"{OWN}, {MORE}") + _of_parts(PART),
            _filled(CHANGED, OWN) + _of_parts(PART_BACK) + TELL_BACK,
        ),
    ]
