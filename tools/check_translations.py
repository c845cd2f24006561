"""Whether the French catalog holds every sentence of the code, and the compiled one is current.

Needs GNU gettext to read the sentences out of the code; without it that part is said to be
missing, and on CI that is an error.
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import django
import polib  # type: ignore[import-untyped]
from django.conf import settings
from django.core.management import call_command

# What the Imprimerie nationale's rules don't have: a colon after a narrow space, quotation marks
# with one, the high signs after a wide one, and any of them after a space that lets the line break.
MISSPACED = re.compile(r"[ \u202f][:»]|«[ \u202f]|[ \u00a0][;!?](?!\w)")

PACKAGE = Path(__file__).parent.parent / "inscrit"
CATALOG = PACKAGE / "locale" / "fr" / "LC_MESSAGES" / "django.po"


def keys(catalog: "polib.POFile | polib.MOFile") -> set[tuple[str | None, str]]:
    return {(entry.msgctxt, entry.msgid) for entry in catalog if not entry.obsolete}


def extracted() -> set[tuple[str | None, str]]:
    """The sentences that stand in the code now, read from a copy of it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "inscrit"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("locale", "sandbox"))
        (copy / "locale").mkdir()
        settings.LOCALE_PATHS = [copy / "locale"]
        here = Path.cwd()
        os.chdir(copy)
        try:
            call_command("makemessages", locale=["fr"], no_obsolete=True, verbosity=0)
        finally:
            os.chdir(here)
        return keys(polib.pofile(copy / "locale" / "fr" / "LC_MESSAGES" / "django.po"))


def problems() -> list[str]:
    catalog = polib.pofile(CATALOG)
    found = [f"not translated: {entry.msgid!r}" for entry in catalog.untranslated_entries()]
    found += [f"only guessed (fuzzy): {entry.msgid!r}" for entry in catalog.fuzzy_entries()]
    found += [
        f"spaces before : ; ! ? or within « » are not French: {text!r}"
        for entry in catalog
        for text in (entry.msgstr, *entry.msgstr_plural.values())
        if MISSPACED.search(text)
    ]
    if keys(polib.mofile(CATALOG.with_suffix(".mo"))) != keys(catalog):
        found.append("the compiled catalog is not current: run make translations")
    if shutil.which("xgettext"):
        wanted = extracted()
        found += [f"missing: {text!r}" for _, text in sorted(wanted - keys(catalog), key=str)]
        found += [f"not used: {text!r}" for _, text in sorted(keys(catalog) - wanted, key=str)]
    elif os.environ.get("CI"):
        found.append("xgettext is missing: install GNU gettext")
    else:
        sys.stdout.write("xgettext is missing, the code was not searched (apt: gettext)\n")
    return found


if __name__ == "__main__":
    django.setup()
    wrong = problems()
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or "Translations are complete.\n")
    sys.exit(bool(wrong))
