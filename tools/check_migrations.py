"""Whether each migration may run while replicas of the version before still work.

Refused is what would make their queries fail (a column gone, renamed, or filled by nobody), and
what would lock a big table for long. Where it is right all the same, the migration says why:
``safe = "…"``.
"""

import re
import sys
from collections.abc import Iterator

import django
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.fields import NOT_PROVIDED

PREFIX = "inscrit."
BIG = frozenset(
    {
        "registrations.registration",
        "registrations.participant",
        "registrations.journalentry",
        "payments.checkoutsession",
        "payments.payment",
        "webhooks.stripeevent",
        "mail.message",
    }
)
# From before the first release: no replica of an earlier version ever ran.
BEFORE_THE_FIRST_RELEASE = frozenset(
    {
        "mail.0002_organisers_are_told",
        "mail.0003_who_waits_is_told",
        "mail.0100_more_mails",
        "payments.0002_refunds_and_disputes",
        "registrations.0003_cancelling",
        "registrations.0004_journal_is_counted",
        "webhooks.0005_set_aside",
    }
)
GONE = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
)
GENTLE = ("Concurrently", "NotValid")
DANGEROUS_SQL = re.compile(
    r"DROP\s+(COLUMN|TABLE)|RENAME\s+(COLUMN|TO)|SET\s+NOT\s+NULL|LOCK\s+TABLE"
    r"|CREATE\s+(UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)",
    re.IGNORECASE,
)


def problems(
    migration: migrations.Migration, before: ProjectState, made: set[str] | None = None
) -> Iterator[str]:
    """What is dangerous in a migration of the state ``before``; ``made`` are tables made by it."""
    app, made = migration.app_label, made if made is not None else set()
    if getattr(migration, "safe", ""):
        return
    state = before.clone()
    for operation in migration.operations:
        if isinstance(operation, migrations.CreateModel):
            made.add(f"{app}.{operation.name_lower}")
        table = f"{app}.{getattr(operation, 'model_name_lower', '')}"
        if table not in made:
            yield from _of_operation(operation, table, state)
        operation.state_forwards(app, state)


def _of_operation(operation: Operation, table: str, state: ProjectState) -> Iterator[str]:
    match operation:
        case migrations.RunSQL():
            yield from _of_statements(operation.sql)
        case migrations.SeparateDatabaseAndState():
            for inner in operation.database_operations:
                yield from _of_operation(inner, table, state)
        case _ if isinstance(operation, GONE):
            yield f"{operation.describe()}: old replicas still use it"
        case migrations.AddField():
            yield from _of_new_field(operation.field, operation.describe())
        case migrations.AlterField():
            yield from _of_altered_field(operation, table, state)
        case migrations.AddIndex() | migrations.AddConstraint() if _is_rough(operation, table):
            yield f"{operation.describe()}: locks a big table (use Concurrently, NotValid)"


def _is_rough(operation: Operation, table: str) -> bool:
    return table in BIG and not type(operation).__name__.endswith(GENTLE)


def _of_statements(sql: object) -> Iterator[str]:
    for statement in _statements(sql):
        if found := DANGEROUS_SQL.search(statement):
            yield f"{found[0]}: old replicas or other sessions would stumble"


def _of_new_field(field: models.Field, what: str) -> Iterator[str]:  # type: ignore[type-arg]
    if field.many_to_many or field.null or field.db_default is not NOT_PROVIDED:
        return
    yield f"{what}: old replicas do not fill it (null=True or db_default)"


def _of_altered_field(
    operation: migrations.AlterField, table: str, state: ProjectState
) -> Iterator[str]:
    app, model = table.split(".")
    old = state.models[app, model].fields[operation.name]
    new = operation.field
    if old.null and not new.null:
        yield f"{operation.describe()}: it could be empty before"
    if old.db_default is not NOT_PROVIDED and new.db_default is NOT_PROVIDED and not new.null:
        yield f"{operation.describe()}: old replicas do not fill it"
    if _type(old) != _type(new):
        yield f"{operation.describe()}: another type, the table would be written anew"


def _type(field: models.Field) -> str:  # type: ignore[type-arg]
    """PostgreSQL's type; a longer text is none of another."""
    if field.is_relation:
        return f"a key of {field.related_model}"
    return re.sub(r"varchar\(\d+\)", "varchar", field.db_type(connection) or "")


def _statements(sql: object) -> Iterator[str]:
    if isinstance(sql, str):
        yield sql
    elif isinstance(sql, list | tuple):
        for one in sql:
            yield from _statements(one[0] if isinstance(one, tuple) else one)


def ours() -> Iterator[tuple[str, str]]:
    """Each problem of each of our migrations: which, and what."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    for key, migration in sorted(loader.disk_migrations.items()):
        if not migration.__module__.startswith(PREFIX):
            continue
        name = ".".join(key)
        before = loader.project_state(key, at_end=False)
        for problem in problems(migration, before):
            yield name, problem


def refused() -> list[str]:
    return [f"{name}: {what}" for name, what in ours() if name not in BEFORE_THE_FIRST_RELEASE]


if __name__ == "__main__":
    django.setup()
    wrong = refused()
    said = "".join(f"{line}\n" for line in wrong)
    sys.stdout.write(said or "Migrations can run while old replicas work.\n")
    sys.exit(bool(wrong))
