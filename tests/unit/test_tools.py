"""What make check refuses: dangerous migrations, licences, holes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tools import check_licences, check_migrations, check_vulnerabilities

ROOT = Path(__file__).parents[2]


def start() -> ProjectState:
    """A big table with two columns."""
    state = ProjectState()
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("note", models.CharField(max_length=20, null=True)),
    ]
    migrations.CreateModel("Payment", fields).state_forwards("payments", state)
    return state


def judged(*operations: Operation, safe: str = "", atomic: bool = True) -> list[str]:
    migration = migrations.Migration("0009_it", "payments")
    vars(migration).update(operations=list(operations), safe=safe, atomic=atomic)
    return list(check_migrations.problems(migration, start()))


INDEX = models.Index(fields=["note"], name="payment_by_note")
DANGEROUS: dict[str, Operation] = {
    "a column goes": migrations.RemoveField("payment", "note"),
    "a table goes": migrations.DeleteModel("Payment"),
    "a column is renamed": migrations.RenameField("payment", "note", "remark"),
    "nobody fills it": migrations.AddField("payment", "x", models.IntegerField(default=0)),
    "no longer empty": migrations.AlterField("payment", "note", models.CharField(max_length=20)),
    "another type": migrations.AlterField("payment", "note", models.IntegerField(null=True)),
    "an index that locks": migrations.AddIndex("payment", INDEX),
    "a check that locks": migrations.AddConstraint(
        "payment", models.CheckConstraint(condition=models.Q(note="x"), name="c")
    ),
    "by hand": migrations.RunSQL("ALTER TABLE t DROP COLUMN note"),
    "by hand, in a list": migrations.RunSQL([("CREATE INDEX i ON t (a)", None)]),
    "by hand, in a list of texts": migrations.RunSQL(["SELECT 1", "DROP TABLE t"]),
    "by hand, in a list of lists": migrations.RunSQL([["DROP TABLE t", [1]]]),  # type: ignore[list-item]
    "by hand, in a tuple": migrations.RunSQL(("SELECT 1", ("LOCK TABLE t", None))),
}


def in_the_database(*operations: Operation) -> Operation:
    """What Django would not find out by itself from the models."""
    return migrations.SeparateDatabaseAndState(database_operations=list(operations))


@pytest.mark.parametrize("danger", DANGEROUS)
def test_what_old_replicas_would_stumble_over_is_refused(danger: str) -> None:
    (problem,) = judged(DANGEROUS[danger])
    assert problem
    assert judged(DANGEROUS[danger], safe="no replica uses it since 1.2") == []


@pytest.mark.parametrize("danger", DANGEROUS)
def test_what_reaches_only_the_database_is_looked_into_however_deep(danger: str) -> None:
    (problem,) = judged(DANGEROUS[danger])
    assert judged(in_the_database(DANGEROUS[danger])) == [problem]
    assert judged(in_the_database(in_the_database(DANGEROUS[danger]))) == [problem]


def test_what_reaches_only_the_state_is_not_looked_at() -> None:
    gone = migrations.RemoveField("payment", "note")
    assert judged(migrations.SeparateDatabaseAndState(state_operations=[gone])) == []
    assert judged(migrations.RunSQL("SELECT 1", state_operations=[gone])) == []


def test_each_step_in_the_database_is_judged_by_those_before_it() -> None:
    optional = migrations.AddField("payment", "x", models.IntegerField(null=True))
    required = migrations.AlterField("payment", "x", models.IntegerField(default=0))
    (problem,) = judged(in_the_database(optional, required))
    assert "it could be empty before" in problem
    assert judged(
        migrations.SeparateDatabaseAndState([optional], [optional]),
        migrations.AlterField("payment", "x", models.IntegerField(null=True, unique=True)),
    ) == []  # fmt: skip


def test_a_table_that_is_made_only_in_the_database_is_used_by_nobody_yet() -> None:
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True))
    ]
    filled = migrations.AddField("refund", "x", models.IntegerField(default=0))
    made = migrations.CreateModel("Refund", fields)
    assert judged(in_the_database(made, filled)) == []
    assert judged(migrations.SeparateDatabaseAndState([made], [made]), filled) == []


def test_what_they_do_not_notice_is_let_through() -> None:
    from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently

    check = models.CheckConstraint(condition=models.Q(note="x"), name="c")
    assert judged(
        migrations.AddField("payment", "a", models.IntegerField(null=True)),
        migrations.AddField("payment", "b", models.IntegerField(db_default=0)),
        migrations.AlterField("payment", "note", models.CharField(max_length=40, null=True)),
        AddIndexConcurrently("payment", INDEX),
        AddConstraintNotValid("payment", check),
        migrations.RunSQL("CREATE INDEX CONCURRENTLY i ON t (a)"),
    ) == []  # fmt: skip


def test_several_steps_without_a_transaction_are_refused() -> None:
    """Killed between two, the first would be done again, and fail, for ever."""
    from django.contrib.postgres.operations import AddIndexConcurrently

    step = AddIndexConcurrently("payment", INDEX)
    field = migrations.AddField("payment", "a", models.IntegerField(null=True))
    assert judged(step, atomic=False) == []
    (problem,) = judged(field, step, atomic=False)
    assert "without a transaction" in problem
    assert judged(in_the_database(step), atomic=False) == []
    assert judged(in_the_database(field, step), atomic=False) == [problem]
    assert judged(migrations.RunSQL(["SELECT 1", "SELECT 2"]), atomic=False) == [problem]


def test_our_own_migrations_are_safe() -> None:
    assert check_migrations.refused() == []


def test_the_licences_of_what_is_installed_are_allowed() -> None:
    requirements = check_licences.REQUIREMENTS.read_text(encoding="utf-8")
    assert "django" in check_licences.names(requirements)
    assert list(check_licences.problems(requirements)) == []


def test_a_licence_that_is_not_allowed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_licences, "ALLOWED", frozenset({"MIT"}))
    (problem,) = check_licences.problems("django==5.2.0 --hash=x\n")
    assert problem.startswith("django: BSD-3-Clause")


def dependency(**more: object) -> dict[str, object]:
    return {"name": "x", "version": "1", **more}


def reported(*dependencies: dict[str, object]) -> str:
    return json.dumps({"dependencies": dependencies})


# What pip-audit 2.10 ends with when it meets these.
NO_NETWORK = {
    "PyPI knows none of them": (reported(dependency(skip_reason="not found")), ""),
    "no connection": ("", "Traceback …\nrequests.exceptions.ProxyError: Max retries exceeded\n"),
    "a server's error": ("", "requests.exceptions.HTTPError: 503\n\nServiceError\n"),
    "too slow": ("", "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n"),
}
BROKEN = {
    "not installed": ("", "python: No module named pip_audit\n"),
    "its own error": ("", "Traceback …\nAttributeError: module has no attribute 'x'\n"),
    "nothing at all": ("", ""),
    "another form": ('{"found": []}', ""),
    "no library in it": (reported(), ""),
}


@pytest.mark.parametrize("case", NO_NETWORK)
def test_a_database_that_can_not_be_reached_is_no_failure_unless_it_must_be(case: str) -> None:
    found = check_vulnerabilities.judged(*NO_NETWORK[case])
    assert "NOTHING WAS CHECKED" in found.lines[0]
    assert found.exit_code(must_reach=False) == 0
    assert found.exit_code(must_reach=True) == 1


@pytest.mark.parametrize("case", BROKEN)
def test_a_tool_that_is_broken_is_a_failure(case: str) -> None:
    found = check_vulnerabilities.judged(*BROKEN[case])
    assert found.exit_code(must_reach=False) == 1
    assert "did not do its work" in found.lines[0]


def test_the_check_fails_where_pip_audit_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "pip_audit.py").write_text("raise ImportError('broken')")
    done = subprocess.run(
        [sys.executable, "-m", "tools.check_vulnerabilities"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ImportError: broken" in done.stdout


def test_a_hole_is_named_with_the_version_that_mends_it() -> None:
    hole = {"id": "PYSEC-1", "fix_versions": ["2"]}
    report = reported(dependency(vulns=[hole]), dependency(name="y", skip_reason="?"))
    found = check_vulnerabilities.judged(report, "")
    assert found.exit_code(must_reach=False) == 1
    assert found.lines == ["x 1: PYSEC-1, mended in 2", "Not checked: y"]
    clean = check_vulnerabilities.judged(reported(dependency(vulns=[])), "")
    assert clean.exit_code(must_reach=True) == 0
    assert clean.lines == ["No vulnerability is known."]
