"""Findings as a person at a terminal reads them, and the same as data."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .finding import Finding, State, errors

SIGNS = {State.OK: "✅", State.WARNING: "⚠️ ", State.ERROR: "❌", State.SKIPPED: "⏭️ "}


def as_text(findings: Sequence[Finding]) -> str:
    return "\n".join([*(line for one in findings for line in _lines(one)), "", summary(findings)])


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{SIGNS[finding.state]} {finding.name}: {finding.what}"
    if finding.mend:
        yield f"     → {finding.mend}"


def summary(findings: Sequence[Finding]) -> str:
    wrong = len(errors(findings))
    if wrong:
        text = ngettext("%(n)d thing is wrong.", "%(n)d things are wrong.", wrong)
        return text % {"n": wrong}
    if any(one.state is State.WARNING for one in findings):
        return _("Nothing is wrong; some things deserve a look.")
    return _("Everything is as it should be.")


def as_data(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"ok": not errors(findings), "findings": [one.as_data() for one in findings]}
