"""The two guides for operators, against the code and against each other."""

import re
from pathlib import Path

import pytest

from inscrit.webhooks.notification import HANDLED

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "docs/how-to/operator-guide.md", ROOT / "docs/fr/guide-exploitant.md"]
TROUBLE = re.compile(r"\"((?:⚠️ |❌|🚨|⛔|♻️|💥|⏰) [^\"{\n]{9,})")


def lines_of_trouble() -> set[str]:
    """What the code logs when something is not as it should be."""
    files = (path for path in (ROOT / "inscrit").rglob("*.py") if "sandbox" not in path.parts)
    said = (TROUBLE.findall(path.read_text(encoding="utf-8")) for path in files)
    return {line.rstrip(" :") for lines in said for line in lines}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda page: page.stem)
def test_every_line_of_trouble_is_explained(guide: Path) -> None:
    said = guide.read_text(encoding="utf-8")
    found = lines_of_trouble()
    assert len(found) > 20
    assert {line for line in found if line not in said} == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda page: page.stem)
def test_the_events_to_choose_at_stripe_are_those_that_are_handled(guide: Path) -> None:
    section = guide.read_text(encoding="utf-8").split("### 2. ")[1].split("### 3. ")[0]
    assert set(re.findall(r"`((?:checkout|payment_intent|charge|refund)\.[\w.]+)`", section)) == (
        set(HANDLED)
    )


@pytest.mark.parametrize("guide", GUIDES, ids=lambda page: page.stem)
def test_every_alert_stands_in_the_guide(guide: Path) -> None:
    rules = (ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8")
    said = guide.read_text(encoding="utf-8")
    assert [name for name in re.findall(r"- alert: (\w+)", rules) if f"`{name}`" not in said] == []


def sections(guide: Path) -> list[tuple[str, str]]:
    """Each head with what stands under it. Installing has an English page of its own."""
    found = re.findall(
        r"^(#{2,3}) .*\n((?:(?!#{2,3} ).*\n)*)", guide.read_text(encoding="utf-8"), re.MULTILINE
    )
    first = next(
        n for n, (_, body) in enumerate(found) if "`sk_test_…`" in body and "`pk_…`" in body
    )
    return found[first - 1 :]


def rows(body: str) -> int:
    return len(re.findall(r"^\|", body, re.MULTILINE))


def test_both_guides_say_the_same_in_the_same_order() -> None:
    english, french = (sections(guide) for guide in GUIDES)
    assert [(level, rows(body)) for level, body in english] == [
        (level, rows(body)) for level, body in french
    ]


def test_both_guides_explain_the_same_lines_and_alerts_in_the_same_order() -> None:
    first_columns = r"^\| `((?:🔔|✅|⏰|💥|⚠️|❌|⏳|👀|🔍|✉️|📣|🚨|⛔|♻️)[^`:…]*)"
    for pattern in (first_columns, r"`(Inscrit[A-Z]\w+)`"):
        english, french = (
            re.findall(pattern, guide.read_text(encoding="utf-8"), re.MULTILINE) for guide in GUIDES
        )
        assert len(english) > 15
        assert [one.strip() for one in english] == [one.strip() for one in french]
