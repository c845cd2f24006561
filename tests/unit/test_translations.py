"""The French of every sentence is there, and is what the program reads."""

from pathlib import Path

import polib  # type: ignore[import-untyped]
import pytest

import inscrit

CATALOG = Path(inscrit.__file__).parent / "locale" / "fr" / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module")
def french() -> polib.POFile:
    return polib.pofile(CATALOG)


def test_every_sentence_is_translated(french: polib.POFile) -> None:
    assert [entry.msgid for entry in french.untranslated_entries()] == []


def test_no_translation_is_a_guess(french: polib.POFile) -> None:
    assert [entry.msgid for entry in french.fuzzy_entries()] == []


def test_no_translation_is_left_over(french: polib.POFile) -> None:
    assert [entry.msgid for entry in french.obsolete_entries()] == []


def test_the_compiled_catalog_is_the_one_that_was_written(french: polib.POFile) -> None:
    compiled = {_key(entry): _texts(entry) for entry in polib.mofile(CATALOG.with_suffix(".mo"))}
    assert compiled == {_key(entry): _texts(entry) for entry in french}


def test_high_punctuation_never_begins_a_line(french: polib.POFile) -> None:
    loose = [
        text
        for entry in french
        for text in _texts(entry)
        if any(f" {sign}" in text for sign in ":;?!»") or "« " in text or "'" in text
    ]
    assert loose == []


def _key(entry: polib.POEntry | polib.MOEntry) -> tuple[str | None, str]:
    return entry.msgctxt, entry.msgid


def _texts(entry: polib.POEntry | polib.MOEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) or [entry.msgstr]
