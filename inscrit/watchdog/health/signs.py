"""How it is right now, in a few signs that are good or bad."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import list_of
from inscrit.mail.models import Message
from inscrit.monitoring.totals import totals
from inscrit.watchdog.models import AuditRun
from inscrit.webhooks.models import StripeEvent

from .chart import spoken


@dataclass(frozen=True, slots=True)
class Sign:
    """``wrong`` is a sentence if a person should look, ``address`` is where."""

    label: Promise
    value: str
    wrong: "Promise | str" = ""
    address: str = ""


def now() -> list[Sign]:
    """From the very numbers that Prometheus reads."""
    told = _readings()
    if not told.get("inscrit_database_up"):
        return [Sign(_("Database"), "–", _("It does not answer in time."))]
    return [
        _count(
            told,
            "inscrit_invariant_breaches",
            _("Promises broken"),
            _("Run inscrit audit."),
            list_of(AuditRun),
        ),
        _count(
            told,
            "inscrit_stripe_events_unprocessed",
            _("Stripe events not applied"),
            _("Look at the Stripe events."),
            list_of(StripeEvent, "?attention=yes"),
        ),
        _count(
            told,
            "inscrit_emails_waiting failed",
            _("Mails given up"),
            _("See the messages."),
            list_of(Message, "?state__exact=failed"),
        ),
        _wait(told, "inscrit_oldest_waiting_email_seconds", _("Oldest mail waits"), 1800),
        _wait(told, "inscrit_oldest_due_job_seconds", _("Oldest job waits"), 600),
        _wait(told, "inscrit_webhook_silence_seconds", _("Stripe silent"), 7200),
        _workers(told),
    ]


def _readings() -> dict[str, float]:
    """Sums by the name of the metric; the mails' by their state besides. The oldest job's is the
    longest wait.
    """
    found: dict[str, float] = {}
    for family in totals.collect():
        for sample in family.samples:
            name = sample.name
            if name == "inscrit_emails_waiting":
                name = f"{name} {sample.labels['state']}"
            if name == "inscrit_oldest_due_job_seconds":
                found[name] = max(found.get(name, 0.0), sample.value)
            else:
                found[name] = found.get(name, 0.0) + sample.value
    return found


def _count(told: dict[str, float], name: str, label: Promise, wrong: Promise, address: str) -> Sign:
    if _is_missing(told, name):
        return _untold(label)
    number = told.get(name, 0)
    return Sign(label, spoken(number), wrong if number else "", address)


def _wait(told: dict[str, float], name: str, label: Promise, too_long: float) -> Sign:
    if _is_missing(told, name):
        return _untold(label)
    seconds = told.get(name, 0)
    return Sign(label, _lasting(seconds), _("That is too long.") if seconds > too_long else "")


def _workers(told: dict[str, float]) -> Sign:
    label = _("Workers")
    if _is_missing(told, "inscrit_workers"):
        return _untold(label)
    number = told["inscrit_workers"]
    return Sign(label, spoken(number), "" if number else _("No mail goes out."))


def _is_missing(told: dict[str, float], name: str) -> bool:
    """What is not there although all was read has not come up yet, and counts as 0."""
    return name not in told and told["inscrit_metrics_unread"] > 0


def _untold(label: Promise) -> Sign:
    return Sign(label, "–", _("The database did not tell it in time."))


def _lasting(seconds: float) -> str:
    if seconds < 120:
        return spoken(round(seconds)) + "\N{NO-BREAK SPACE}s"
    if seconds < 7200:
        return spoken(round(seconds / 60)) + "\N{NO-BREAK SPACE}min"
    return spoken(round(seconds / 3600)) + "\N{NO-BREAK SPACE}h"
