"""Room on the disk, where the database is our own."""

import shutil

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from inscrit import embedded
from inscrit.config import Config

from .finding import Finding, error, ok, skipped, warning

ENOUGH, LEAST = 2_000_000_000, 300_000_000


def look(settings: Config) -> list[Finding]:
    name = "disk"
    if not (settings.data_dir / embedded.FOLDER).exists():
        return [skipped(name, _("The database is on a server of its own: watch its disk there."))]
    free = shutil.disk_usage(settings.data_dir).free
    what = _("%(n)s GB are free in the data folder.") % {"n": number_format(free / 1e9, 1)}
    mend = _("Make room: a full disk stops everything. Old backups are a good place to begin.")
    if free < LEAST:
        return [error(name, what, mend)]
    return [warning(name, what, mend)] if free < ENOUGH else [ok(name, what)]
