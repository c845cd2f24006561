"""What the log and the organiser are told of a comparison."""

import hashlib
from collections.abc import Sequence

import structlog
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inscrit import config
from inscrit.mail import services as mail

from .findings import Finding
from .services import Reconciliation

MOST_TOLD = 20
log = structlog.get_logger()


def tell(done: Reconciliation) -> None:
    """One line for each new difference, and one for all."""
    for finding in done.findings:
        if not finding.known:
            write = log.warning if finding.needs_person else log.info
            write(
                f"🔍 Difference: {finding.kind}",
                subject=finding.subject,
                registration=finding.registration or None,
                result=str(finding.result),
            )
    log.info(summary(done), since=done.run.since.isoformat(timespec="seconds"))


def summary(done: Reconciliation) -> str:
    return f"🔍 Reconciliation: {len(done.findings)} differences, {done.healed} healed"


def tell_of_another() -> None:
    log.info("🔍 Reconciliation left to another one that is under way")


def tell_of_breaking_off(why: str) -> None:
    log.warning("🔍 Reconciliation broken off, the next one goes on", error=why)


def alert(done: Reconciliation) -> None:
    """Tell the organiser what needs a person, once. Waits for the database."""
    found = [finding for finding in done.for_a_person if not finding.known]
    if not found:
        return
    with translation.override(config.current().language_code):
        subject = ngettext(
            "%(n)d thing differs from Stripe and needs you",
            "%(n)d things differ from Stripe and need you",
            len(found),
        ) % {"n": len(found)}
        mail.alert(f"reconciliation {_fingerprint(found)}", subject, _text(found))


def _text(found: Sequence[Finding]) -> str:
    paragraphs = [finding.as_text() for finding in found[:MOST_TOLD]]
    if len(found) > MOST_TOLD:
        paragraphs.append(_("There are more: the admin has them all, under Reconciliations."))
    return "\n\n".join(paragraphs)


def _fingerprint(found: Sequence[Finding]) -> str:
    keys = "\n".join(sorted(map(repr, (finding.key for finding in found))))
    return hashlib.sha256(keys.encode()).hexdigest()[:16]
