"""What the documentation names is there, and what there is stands in the reference."""

import ast
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from inscrit.api.urls import api
from inscrit.cli import main
from inscrit.mail.models import MessageKind

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*DOCS, *sorted(ROOT.glob("*.md"))]
REFERENCE = ROOT / "docs" / "reference"
SCENARIOS = REFERENCE / "failure-scenarios.md"
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
TEST = re.compile(r"`(test_\w+)`")
LINK = re.compile(r"\]\((?!http)([^)#\s]*)(?:#([^)]*))?\)")
FILE = re.compile(r"`((?:inscrit|tests|docs|deploy|tools|benchmarks|requirements)/[\w./-]+)`")
MODULE = re.compile(r"`(?:[\w/]+/)?(\w+\.py)`")
CODE = ("inscrit", "tests", "tools", "deploy", "benchmarks")
TARGET = re.compile(r"(?:^\$ |`)make ([a-z-]+)", re.MULTILINE)
COMMAND = re.compile(r"(?:^\$ (?:docker .* )?|`)inscrit ([a-z][^`\n|#]*)", re.MULTILINE)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def text_of(path: Path) -> str:
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def told(name: str) -> str:
    return text_of(REFERENCE / f"{name}.md")


def strings(folder: str) -> Iterator[str]:
    """Every text in the code below; the two rooms that are for trying it out are left out."""
    for path in (ROOT / folder).rglob("*.py"):
        if {"sandbox", "demo"} & {*path.parts}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


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


@cache
def modules() -> frozenset[str]:
    return frozenset(path.name for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@every_page
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    assert set(TEST.findall(text_of(page))) <= functions_in("*.py")


@every_page
def test_every_link_and_every_file_is_there(page: Path) -> None:
    for path, section in LINK.findall(text_of(page)):
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), path
        assert not section or section in anchors(there), f"{path}#{section}"
    assert [path for path in FILE.findall(text_of(page)) if not (ROOT / path).exists()] == []
    assert set(MODULE.findall(text_of(page))) <= modules()


@every_page
def test_every_table_has_a_head(page: Path) -> None:
    lines = ["", *text_of(page).splitlines(), ""]
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        if line.startswith("|") and not before.startswith("|"):
            assert after.startswith("|"), line
            assert set(after) <= set("|-: "), line


@every_page
def test_every_command_and_option_is_there(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in TARGET.findall(text_of(page)):
        assert f"\n{target}:" in makefile
    for line in COMMAND.findall(text_of(page)):
        words = line.split(" && ")[0].split()
        command = main
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            command = command.commands[words.pop(0)]  # type: ignore[assignment]
        said = {word.strip("[]").partition("=")[0] for word in words}
        options = {word for word in said if re.fullmatch(r"--[a-z-]+", word)}
        assert command.name == "manage" or options <= {"--help"} | options_of(command), line


def options_of(command: click.Command) -> set[str]:
    stated = (one for one in command.params if isinstance(one, click.Option))
    return {name for one in stated for name in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_told_with_all_its_options(name: str) -> None:
    begins = rf"^## `inscrit {name}\b.*?(?=^## |\Z)"
    section = re.search(begins, told("commands"), re.MULTILINE | re.DOTALL)
    assert section, name
    command = main.commands[name]
    inner = command.commands.values() if isinstance(command, click.Group) else [command]
    for option in (one for each in inner for one in each.params if isinstance(one, click.Option)):
        assert any(name in section[0] for name in (*option.opts, *option.secondary_opts)), option


def test_every_setting_is_told_and_every_setting_that_is_told_is_one() -> None:
    config = (ROOT / "inscrit" / "config.py").read_text(encoding="utf-8")
    table = told("settings").split("Not settings of Inscrit")[0]
    asked = set(re.findall(r'sources\.get\(\s*"([A-Z_]+)"', config))
    assert asked == set(re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE))


def test_every_metric_is_told_and_every_metric_that_is_told_is_one() -> None:
    stated = filter(re.compile(r"inscrit_[a-z_]+[a-z]").fullmatch, strings("inscrit/monitoring"))
    made = {name.removesuffix("_total") for name in stated}
    named = {name.removesuffix("_total") for name in re.findall(r"`(inscrit_\w+)", told("metrics"))}
    assert made == {name for name in named if not name.startswith("inscrit_process_")}


def test_every_log_line_is_told() -> None:
    lines = {
        re.split(r"[{\n]", text)[0].rstrip(" :")
        for text in strings("inscrit")
        if len(text) > 9 and unicodedata.category(text[0]) == "So" and " " in text
    }
    page = told("log-lines")
    assert len(lines) > 50
    assert {line for line in lines if line not in page} == set()


def test_every_kind_of_mail_is_told() -> None:
    page = told("log-lines")
    assert [kind for kind in MessageKind.values if f"`{kind}`" not in page] == []


def test_every_call_of_the_api_is_told() -> None:
    def bare(path: str) -> str:
        return re.sub(r"\{[^}]*\}", "{}", path.removeprefix("/api/v1"))

    page = bare(told("http"))
    assert [path for path in api.get_openapi_schema()["paths"] if bare(path) not in page] == []


def rows(path: Path) -> Iterator[list[str]]:
    """The cells of each row of a page's tables, without their heads."""
    for line in text_of(path).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "scenario" and not set(line) <= set("|- "):
            yield cells


def test_every_failure_scenario_says_what_happens_and_names_its_test() -> None:
    found = list(rows(SCENARIOS))
    assert found
    for cells in found:
        scenario, happens, tests = cells
        assert scenario, cells
        assert happens, cells
        assert TEST.findall(tests), cells


def test_every_test_of_a_failure_scenario_stands_in_the_table() -> None:
    named = {name for _, _, tests in rows(SCENARIOS) for name in TEST.findall(tests)}
    assert functions_in("test_failure_scenarios*.py") <= named
