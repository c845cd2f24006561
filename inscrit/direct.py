"""Where Django's database is, for connections of one's own beside its pool."""

from typing import TYPE_CHECKING, cast

from django.db import connection
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from django.db.backends.postgresql.base import DatabaseWrapper


def look_over_the_pool() -> None:
    """Let Django's pool throw away what a database that went has left in it.

    Whoever comes would look at one after the other, and wait longer before each.
    """
    pool = cast("DatabaseWrapper", connection).pool
    if pool is not None:
        pool.check()


def leave() -> None:
    """Close all that Django has open here: the server may stop, and counts us no more."""
    connection.close()
    cast("DatabaseWrapper", connection).close_pool()


def parts() -> dict[str, str]:
    """The address by libpq's names; what is no text there is meant for Django's connections."""
    stated = connection.get_connection_params().items()
    return {part: value for part, value in stated if isinstance(value, str) and value}


def address() -> str:
    """The same as one text that psycopg takes."""
    return make_conninfo(**parts())
