"""Whether a worker is at work: its heartbeat, what waits for it, and its last look at Stripe."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inscrit.config import Config
from inscrit.reconciliation.models import ReconciliationRun

from .finding import Finding, error, ok, skipped, warning

# A worker says every ten seconds that it lives, once for each of its two sides (decision 85).
HEARTBEAT_SECONDS = 60
LATE_SECONDS = 300
RECONCILED_WITHIN = timedelta(hours=1)

WORKERS = """
SELECT (count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => %s)) + 1) / 2,
    max(last_heartbeat)
FROM procrastinate_workers
"""
# A job that has no time of its own is due since it was ordered.
DUE = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(coalesce(
    scheduled_at,
    (SELECT min(at) FROM procrastinate_events AS e WHERE e.job_id = j.id AND e.type = 'deferred')
))), 0)::int
FROM procrastinate_jobs AS j
WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
"""
FAILED = """
SELECT count(*) FROM procrastinate_jobs AS j
WHERE status = 'failed' AND EXISTS (
    SELECT FROM procrastinate_events AS e
    WHERE e.job_id = j.id AND e.type = 'failed' AND e.at > now() - interval '1 day'
)
"""


def look(settings: Config) -> list[Finding]:
    return [_workers(), _backlog(), _failed(), _reconciled(settings)]


def _workers() -> Finding:
    name = "worker"
    alive, last = _row(WORKERS, HEARTBEAT_SECONDS)
    if alive:
        text = ngettext("%(n)d worker is at work.", "%(n)d workers are at work.", alive)
        return ok(name, text % {"n": alive})
    mend = _("Start it: inscrit worker. Without it no mail goes out and no place is freed.")
    if last is None:
        return error(name, _("No worker is running."), mend)
    when = _moment(last)
    return error(
        name, _("No worker is running; the last one was seen %(when)s.") % {"when": when}, mend
    )


def _backlog() -> Finding:
    name = "jobs"
    number, oldest = _row(DUE)
    facts = {"n": number, "minutes": oldest // 60}
    if oldest > LATE_SECONDS:
        what = _("%(n)d jobs wait, the oldest for %(minutes)d minutes.") % facts
        return error(name, what, _("Is the worker running, and are there enough of them?"))
    return ok(name, _("Jobs waiting now: %(n)d.") % facts)


def _failed() -> Finding:
    name = "failed_jobs"
    (number,) = _row(FAILED)
    if number:
        text = ngettext(
            "%(n)d job failed in the last day.", "%(n)d jobs failed in the last day.", number
        )
        mend = _("The worker’s log says why. What they were to do is taken up by the next sweep.")
        return warning(name, text % {"n": number}, mend)
    return ok(name, _("No job failed in the last day."))


def _reconciled(settings: Config) -> Finding:
    name = "reconciliation"
    if settings.stripe_secret_key is None:
        return skipped(name, _("There is no Stripe key, so nothing is compared with Stripe."))
    last = ReconciliationRun.objects.filter(finished_at__isnull=False).first()
    mend = _("The worker compares every quarter of an hour. By hand: inscrit reconcile")
    if last is None:
        return warning(name, _("Stripe and the database have not been compared yet."), mend)
    when = _moment(last.finished_at)
    if last.finished_at and timezone.now() - last.finished_at > RECONCILED_WITHIN:
        what = _("Stripe and the database were last compared %(when)s.") % {"when": when}
        return error(name, what, mend)
    return ok(name, _("Stripe and the database were compared %(when)s.") % {"when": when})


def _moment(when: datetime | None) -> str:
    return f"{timezone.localtime(when):%Y-%m-%d %H:%M}" if when else "–"


def _row(query: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()
