"""After the trouble: time passes, on both sides, until nothing is under way any more.

Nothing is mended here. What would happen in the next hours by itself is made to happen now:
Stripe's clock is moved, and what waits for a time in our database has its time come.
"""

import time

import httpx
import psycopg

from tests.acceptance.installation import Installation

from .books import all_deliveries

# A session lives 31 minutes, a delayed debit 3.
UNTIL_ALL_SETTLES = 35 * 60
PATIENCE = 110.0

LAPSE_HOLDS = """
UPDATE registrations_registration SET hold_expires_at = now() - interval '2 minutes'
WHERE status = 'PENDING' AND hold_expires_at > now() - interval '1 minute'
"""
SEND_AGAIN = """
UPDATE mail_message SET next_try_at = now()
WHERE state IN ('queued', 'retrying') AND next_try_at > now()
"""
APPLY_AGAIN = """
UPDATE webhooks_stripeevent SET next_try_at = now() WHERE next_try_at > now()
"""
BEGIN_JOBS = """
UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND scheduled_at > now()
"""
# The jobs of every minute, with their queues and their locks.
EVERY_MINUTE = (
    ("money", "inscrit.payments.tasks.sweep_lapsed_holds", "sweep", "sweep"),
    ("money", "inscrit.payments.tasks.sweep_cancellations", "cancellations", "cancellations"),
    ("webhooks", "inscrit.webhooks.tasks.sweep_inbox", "inbox sweep", "inbox sweep"),
    ("mail", "inscrit.mail.tasks.sweep_waiting_messages", "mail sweep", "mail sweep"),
    ("upkeep", "inscrit.watchdog.tasks.retry_stalled_jobs", None, "stalled jobs"),
)
DEFER = (
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(%s, %s, 0, %s, %s,"
    " '{\"timestamp\": 0}'::jsonb, NULL)::procrastinate_job_to_defer_v1])"
)
UNDER_WAY = {
    "registrations that hold places": "SELECT count(*) FROM registrations_registration"
    " WHERE status IN ('PENDING', 'PROCESSING')",
    "mails to be sent": "SELECT count(*) FROM mail_message WHERE state IN ('queued', 'retrying')",
    "refunds to be asked for": "SELECT count(*) FROM payments_refund WHERE status = 'ordered'",
    "jobs": "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')",
}


def let_stripe_finish(installation: Installation) -> None:
    """Every session ends, every debit settles, and every event is delivered or given up."""
    installation.control("/clock", advance=UNTIL_ALL_SETTLES)
    deliver_everything(installation)


def deliver_everything(installation: Installation) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        waiting = [d["due"] for d in all_deliveries(installation) if d["due"] is not None]
        if not waiting:
            return
        state = httpx.get(f"{installation.sandbox}/sandbox/state", timeout=30).json()
        if (first := min(waiting)) > state["now"] + 1:
            installation.control("/clock", advance=first - state["now"])
        time.sleep(0.5)


def let_us_finish(installation: Installation) -> dict[str, int]:
    """Jobs, mails and holds come to their end; what has not by then, by kind."""
    until = time.monotonic() + PATIENCE
    with psycopg.connect(installation.database.get_uri(), autocommit=True) as connection:
        while time.monotonic() < until:
            _make_time_pass(connection)
            time.sleep(2)
            if not (left := _under_way(connection)):
                return {}
    return left


def _make_time_pass(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    for statement in (LAPSE_HOLDS, SEND_AGAIN, APPLY_AGAIN, BEGIN_JOBS):
        connection.execute(statement)
    for job in EVERY_MINUTE:
        try:
            connection.execute(DEFER, job)
        except psycopg.errors.UniqueViolation:
            continue  # it is waiting already


def _under_way(connection: "psycopg.Connection[tuple[object, ...]]") -> dict[str, int]:
    counted = {}
    for what, query in UNDER_WAY.items():
        row = connection.execute(query).fetchone()
        counted[what] = int(str(row[0])) if row else 0
    return {what: number for what, number in counted.items() if number}
