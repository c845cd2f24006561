"""The database: reachable, of a version we know, with the rights and the room we need."""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inscrit.config import Config

from .finding import Finding, error, ok, skipped, warning

OLDEST, NEWEST = 15, 18
CONNECT_SECONDS = 5
# A web process: Django's pool (8), the webhook lane (2) and the live lane (2). A worker: the pool
# and Procrastinate's own.
WEB_NEEDS, WORKER_NEEDS = 12, 20

FACTS = """
SELECT current_setting('server_version_num')::int / 10000,
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    EXISTS (SELECT FROM pg_timezone_names WHERE name = %s),
    has_schema_privilege(current_schema(), 'CREATE'),
    current_setting('transaction_read_only')::bool,
    pg_is_in_recovery()
"""
WITHOUT_RIGHTS = """
SELECT count(*) FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
"""


def look(settings: Config) -> list[Finding]:
    """Raises django.db.DatabaseError if it can't be reached."""
    version, room, used, knows_zone, creates, read_only, standby = _row(FACTS, [settings.time_zone])
    return [
        _version(version),
        writes(read_only=read_only, standby=standby),
        _rights(creates=creates, closed=_row(WITHOUT_RIGHTS)[0]),
        _time_zone(settings.time_zone, known=knows_zone),
        _connections(room, used),
        _migrations(),
    ]


def reachable(settings: Config) -> Finding | None:
    """Why it can't be reached, in PostgreSQL's own words; None if it can."""
    try:
        psycopg.connect(settings.database_url or "", connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as problem:
        return unreachable(str(problem))
    return None


def unreachable(reason: str) -> Finding:
    lines = reason.strip().splitlines() or ["?"]
    reason = next((line for line in lines if "failed:" in line), lines[-1]).strip("- ")
    what = _("The database can’t be reached: %(reason)s") % {"reason": reason}
    return error("database", what, _("Look at DATABASE_URL, and whether PostgreSQL runs."))


def _version(version: int) -> Finding:
    name = "database"
    if version < OLDEST:
        what = _("PostgreSQL %(version)d is too old.") % {"version": version}
        return error(name, what, _("Upgrade to PostgreSQL 15 or later."))
    if version > NEWEST:
        what = _("PostgreSQL %(version)d is newer than what was tested.") % {"version": version}
        return warning(name, what, _("It will probably work; 15 to 18 are known to."))
    return ok(name, _("PostgreSQL %(version)d answers.") % {"version": version})


def writes(*, read_only: bool, standby: bool) -> Finding:
    name = "database_writes"
    if standby:
        what = _("The database takes no writes: it is a standby.")
        mend = _(
            "Let DATABASE_URL name every server and find the primary:"
            " postgresql://…@db1,db2/…?target_session_attrs=read-write"
        )
        return error(name, what, mend)
    if read_only:
        what = _("The database takes no writes: it is set to read only.")
        mend = _(
            "If this is the right server: SET default_transaction_read_only = off; ALTER DATABASE …"
            " RESET default_transaction_read_only; it may also be set for the user or the server."
        )
        return error(name, what, mend)
    return ok(name, _("The database takes writes."))


def _rights(*, creates: bool, closed: int) -> Finding:
    name = "database_rights"
    mend = _("Let the user of DATABASE_URL own the database: ALTER DATABASE … OWNER TO …")
    if closed:
        text = ngettext(
            "%(n)d table may not be read or written.",
            "%(n)d tables may not be read or written.",
            closed,
        )
        return error(name, text % {"n": closed}, mend)
    if not creates:
        return error(name, _("No table may be created: updates can’t be installed."), mend)
    return ok(name, _("The database gives the rights that are needed."))


def _time_zone(zone: str, *, known: bool) -> Finding:
    name = "time_zone"
    if known:
        return ok(name, _("The database knows the time zone %(zone)s.") % {"zone": zone})
    what = _("The database does not know the time zone %(zone)s.") % {"zone": zone}
    return error(name, what, _("Install tzdata beside PostgreSQL, or choose another TIME_ZONE."))


def _connections(room: int, used: int) -> Finding:
    """Whether a web process and a worker have room, and how many more would have."""
    name, facts = "connections", {"room": room, "used": used}
    webs = (room - WORKER_NEEDS) // WEB_NEEDS
    mend = _(
        "Raise max_connections in PostgreSQL: some 12 for each web process and 20 for each worker."
    )
    if webs < 1:
        what = _("PostgreSQL takes %(room)d connections: too few for a web process and a worker.")
        return error(name, what % facts, mend)
    if used > room * 0.85:
        what = _("%(used)d of PostgreSQL’s %(room)d connections are in use.")
        return warning(name, what % facts, mend)
    what = _(
        "%(used)d of PostgreSQL’s %(room)d connections are in use; beside one worker there is room"
        " for %(webs)d web processes."
    )
    return ok(name, what % {**facts, "webs": webs})


def _migrations() -> Finding:
    name = "migrations"
    try:
        executor = MigrationExecutor(connection)
    except ProgrammingError as problem:
        if not isinstance(problem.__cause__, psycopg.errors.InsufficientPrivilege):
            raise
        return skipped(name, _("First the database’s rights."))
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        text = ngettext(
            "%(n)d migration is missing.", "%(n)d migrations are missing.", len(waiting)
        )
        return error(name, text % {"n": len(waiting)}, _("Run: inscrit migrate"))
    return ok(name, _("The database’s schema is up to date."))


def _row(query: str, parameters: Sequence[Any] = ()) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()
