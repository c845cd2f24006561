"""The settings by themselves. Nothing of Django is needed but its translations."""

import os

from django.utils.translation import gettext as _

from inscrit import config

from . import address, forms
from .finding import Finding, error, errors


def look() -> list[Finding]:
    """One that can't be read at all is an error, told by its form if that is known to be wrong."""
    found: list[Finding] = []
    try:
        found += forms.look(config.Sources(os.environ, config.SECRETS_DIR))
        return [*found, *address.look(config.load())]
    except config.SettingError as problem:
        if errors(found):
            return found
        return [*found, error("settings", str(problem), _("Correct it and run this again."))]
