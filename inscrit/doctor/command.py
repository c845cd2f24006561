"""``inscrit doctor``: all checks, in the language of the installation."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import translation

from inscrit import config
from inscrit.config import Config, SettingError

from . import report
from .finding import Finding, error, errors


@dataclass(frozen=True, slots=True)
class Examined:
    """``language`` is the one to tell it in."""

    findings: Sequence[Finding]
    language: str

    @property
    def is_right(self) -> bool:
        return not errors(self.findings)

    def as_text(self) -> str:
        with translation.override(self.language):
            return report.as_text(self.findings)

    def as_data(self) -> dict[str, Any]:
        return report.as_data(self.findings)


def examine(settings: Config, language: str | None, *, canary: bool = False) -> Examined:
    """Everything. Django has been set up."""
    from . import canary as payment
    from . import examination

    language = language or settings.language_code
    with translation.override(language):
        findings = asyncio.run(examination.thorough(settings))
        if canary:
            findings.append(asyncio.run(payment.look(settings, findings)))
    return Examined(findings, language)


def without_settings(problem: SettingError, language: str | None) -> Examined:
    """What can be said of settings that nothing starts with."""
    _speak()
    from . import declared

    language = language or _stated_language()
    with translation.override(language):
        findings = declared.look()
        if not errors(findings):  # the settings are right, but a database could not be started
            findings.append(error("database", str(problem), ""))
    return Examined(findings, language)


def _stated_language() -> str:
    stated = config.Sources(os.environ, config.SECRETS_DIR).get("LANGUAGE_CODE")
    return stated if stated in config.LANGUAGES else "fr"


def _speak() -> None:
    """Django's translations without our settings, which can't be read."""
    from django.conf import settings

    if settings.configured:
        return
    from pathlib import Path

    import django

    import inscrit

    settings.configure(
        USE_I18N=True, LOCALE_PATHS=[Path(inscrit.__file__).parent / "locale"], USE_TZ=True
    )
    django.setup()
