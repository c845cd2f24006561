"""The alert rules, as Prometheus's own tool sees them."""

import re
import subprocess
from pathlib import Path

import pytest

from ..acceptance.prometheus import DEPLOY, program  # noqa: TID252

RULES = DEPLOY / "prometheus" / "rules.yml"
TESTS = DEPLOY / "prometheus" / "rules_test.yml"
NAMES = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
RUNBOOKS = re.findall(r"runbook_url: (\S+)", RULES.read_text(encoding="utf-8"))


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_well_formed() -> None:
    assert f"{len(NAMES)} rules found" in promtool("check", "rules", str(RULES))


def test_each_alert_is_raised_when_it_should_be_and_none_when_all_is_well() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(TESTS))


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_is_tried(name: str) -> None:
    assert name in TESTS.read_text(encoding="utf-8")


def test_each_alert_says_where_help_stands() -> None:
    assert len(RUNBOOKS) == len(NAMES)


@pytest.mark.parametrize("address", sorted(set(RUNBOOKS)))
def test_the_section_that_helps_is_there(address: str) -> None:
    page, _, section = address.partition("#")
    assert section in sections(DEPLOY.parent / page)


def sections(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
