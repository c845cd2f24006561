"""Whether each migration may run while replicas of the version before still work.

Refused is what would make their queries fail (a column gone, renamed, or filled by nobody), what
would lock a big table for long, and what could not be run again once it was killed. Where it is
right all the same, the migration says why: ``safe = "…"``.
"""

import re
import sys
from collections.abc import Iterable, Iterator

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
        "payments.dispute",
        "payments.payment",
        "payments.refund",
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
        "payments.0003_to_be_looked_at",
        "payments.0005_what_settles_and_what_goes_back",
        "registrations.0003_cancelling",
        "registrations.0004_journal_is_counted",
        "registrations.0007_moved_and_corrected",
        "registrations.0009_participants_by_option",
        "webhooks.0004_tried_again",
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
    made = made if made is not None else set()
    if not migration.atomic and _steps(migration.operations) > 1:
        yield "several steps without a transaction: killed between two, it never gets through again"
    if not getattr(migration, "safe", ""):
        yield from _of_operations(migration.operations, migration.app_label, before.clone(), made)


def _steps(operations: Iterable[Operation]) -> int:
    """How many times the database is asked for something."""
    return sum(map(_steps_of, operations))


def _steps_of(operation: Operation) -> int:
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return _steps(operation.database_operations)
    return len(list(_statements(operation.sql))) if isinstance(operation, migrations.RunSQL) else 1


def _of_operations(
    operations: Iterable[Operation], app: str, state: ProjectState, made: set[str]
) -> Iterator[str]:
    """As they come, each upon what those before it have left in ``state`` and ``made``."""
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            # As Django does: what reaches the database has a state of its own.
            yield from _of_operations(operation.database_operations, app, state.clone(), made)
        elif isinstance(operation, migrations.CreateModel):
            made.add(f"{app}.{operation.name_lower}")
        else:
            table = f"{app}.{getattr(operation, 'model_name_lower', '')}"
            if table not in made:
                yield from _of_operation(operation, table, state)
        operation.state_forwards(app, state)


def _of_operation(operation: Operation, table: str, state: ProjectState) -> Iterator[str]:
    match operation:
        case migrations.RunSQL():
            yield from _of_statements(operation.sql)
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
    """A text, or several: each by itself or with its parameters."""
    if isinstance(sql, str):
        yield sql
    elif isinstance(sql, list | tuple):
        for one in sql:
            yield one if isinstance(one, str) else one[0]


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
