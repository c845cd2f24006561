"""Where Django's database is, for connections of one's own beside its pool."""

from django.db import connection
from psycopg.conninfo import make_conninfo


def parts() -> dict[str, str]:
    """The address by libpq's names; what is no text there is meant for Django's connections."""
    stated = connection.get_connection_params().items()
    return {part: value for part, value in stated if isinstance(value, str) and value}


def address() -> str:
    """The same as one text that psycopg takes."""
    return make_conninfo(**parts())
