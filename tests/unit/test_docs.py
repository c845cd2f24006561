"""The tests that the documentation names are there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
SCENARIOS = ROOT / "docs" / "reference" / "failure-scenarios.md"
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
NAME = re.compile(r"`(test_\w+)`")


@cache
def functions_in(pattern: str) -> frozenset[str]:
    """The names of the test functions in these files."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob(pattern)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, functions) and node.name.startswith("test_")
    )


def text_of(path: Path) -> str:
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def rows(path: Path) -> Iterator[list[str]]:
    """The cells of each row of a page's tables, without their heads."""
    for line in text_of(path).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "scenario" and not set(line) <= set("|- "):
            yield cells


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    assert set(NAME.findall(text_of(page))) <= functions_in("*.py")


def test_every_failure_scenario_says_what_happens_and_names_its_test() -> None:
    found = list(rows(SCENARIOS))
    assert found
    for cells in found:
        scenario, happens, tests = cells
        assert scenario, cells
        assert happens, cells
        assert NAME.findall(tests), cells


def test_every_test_of_a_failure_scenario_stands_in_the_table() -> None:
    named = {name for _, _, tests in rows(SCENARIOS) for name in NAME.findall(tests)}
    assert functions_in("test_failure_scenarios*.py") <= named
