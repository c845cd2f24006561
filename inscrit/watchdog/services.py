"""The watchdog looks at the invariants, remembers what it saw, and tells what changed."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inscrit import config
from inscrit.events.models import Event
from inscrit.mail import services as mail
from inscrit.monitoring import audit
from inscrit.monitoring.audit import Audit
from inscrit.monitoring.checks import Breach

from . import places
from .models import AuditRun

# So many breaches are remembered with their words, and told in one mail; all are counted.
MOST_REMEMBERED = 200
MOST_TOLD = 20
RUNS_KEPT = 1000
# Breaches of an event's counters, or of those of its price options.
MISCOUNTED = ("counters_differ", "option_counters_differ")
# Breaches that counting again mends.
COUNTED = (*MISCOUNTED, "wanted_differs", "option_wanted_differs")
log = structlog.get_logger()


def watch() -> AuditRun:
    """Look at everything once. Must not be called within a transaction."""
    found = audit.run()
    with translation.override(config.current().language_code), transaction.atomic():
        before = AuditRun.objects.first()
        run = _remember(found)
        stopped = _stop_sales(found.breaches)
        _tell_what_changed(before, run, found, stopped)
        AuditRun.objects.filter(pk__lte=run.pk - RUNS_KEPT).delete()
    return run


def _remember(found: Audit) -> AuditRun:
    told = [{"key": one.key, **one.as_data()} for one in found.breaches[:MOST_REMEMBERED]]
    return AuditRun.objects.create(
        at=found.at, seconds=round(found.seconds, 3), counts=found.counts, breaches=told
    )


def _stop_sales(breaches: Iterable[Breach]) -> list[str]:
    """Places that are counted wrong must not be sold; the titles of the events stopped."""
    wrong = sorted(
        (breach for breach in breaches if breach.check in MISCOUNTED),
        key=lambda breach: breach.subject,
    )
    return [
        str(breach.facts["title"])
        for breach in wrong
        if places.stop_sales(str(breach.facts["event_id"]), breach.text)
    ]


def _tell_what_changed(
    before: AuditRun | None, run: AuditRun, found: Audit, stopped: Sequence[str]
) -> None:
    known = before.keys if before else set()
    new = [breach for breach in run.breaches if breach["key"] not in known]
    there = {breach.key for breach in found.breaches}
    gone = [one for one in (before.breaches if before else []) if one["key"] not in there]
    for breach in new:
        log.error(
            f"🚨 Invariant broken: {breach['invariant']}",
            check=breach["check"],
            subject=breach["subject"],
        )
    for breach in gone:
        log.info(
            f"💚 Invariant mended: {breach['invariant']}",
            check=breach["check"],
            subject=breach["subject"],
        )
    if new or gone or stopped:
        told = "\n\n".join(_paragraphs(new, gone, stopped))
        mail.alert(f"audit {_fingerprint(new, gone)}", _subject(new, gone, run), told)


def _subject(new: Sequence[Any], gone: Sequence[Any], run: AuditRun) -> str:
    if new:
        text = ngettext(
            "%(n)d thing is not as it should be", "%(n)d things are not as they should be", len(new)
        )
        return text % {"n": len(new)}
    if gone and not run.total:
        return _("Everything is as it should be again")
    text = ngettext("%(n)d thing has been put right", "%(n)d things have been put right", len(gone))
    return text % {"n": len(gone)}


def _paragraphs(
    new: Sequence[dict[str, Any]], gone: Sequence[dict[str, Any]], stopped: Sequence[str]
) -> Iterator[str]:
    for title in stopped:
        yield _(
            "Sales of “%(title)s” are stopped until you open them again in the admin: its places"
            " are counted wrong."
        ) % {"title": title}
    for breach in new[:MOST_TOLD]:
        yield f"{breach['text']}\n{breach['remedy']}"
    if gone:
        yield _("Put right since the last look:")
    for breach in gone[:MOST_TOLD]:
        yield breach["text"]
    for title in _still_stopped(gone):
        yield _("Sales of “%(title)s” are still stopped: open them again in the admin.") % {
            "title": title
        }
    if max(len(new), len(gone)) > MOST_TOLD:
        yield _("There are more. The command inscrit audit shows all of them.")


def _still_stopped(gone: Sequence[dict[str, Any]]) -> list[str]:
    counted_right = [one["event_id"] for one in gone if one["check"] in MISCOUNTED]
    stopped = Event.objects.filter(pk__in=counted_right, sales_stopped_at__isnull=False)
    return list(stopped.values_list("title", flat=True))


def _fingerprint(new: Sequence[dict[str, Any]], gone: Sequence[dict[str, Any]]) -> str:
    """The same for the same change: what comes and goes all day is told once a day."""
    text = "\n".join([*sorted(one["key"] for one in new), "", *sorted(one["key"] for one in gone)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def mend_counters() -> tuple[list[str], list[str]]:
    """Count the places of every event whose counters are wrong again.

    The events mended, and why others could not be.
    """
    mended, refused = [], []
    found = audit.run().breaches
    wrong = {str(one.facts["event_id"]) for one in found if one.check in COUNTED}
    for event_id in sorted(wrong):
        try:
            if places.count_again(event_id):
                mended.append(event_id)
        except (places.WouldOversell, Event.DoesNotExist) as error:
            refused.append(str(error))
    return mended, refused
