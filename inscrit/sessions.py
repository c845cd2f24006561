"""Sessions of the database that neither wait for ever nor keep others waiting for ever.

Another one may go silent while it has a lock: a node without power, a container that is paused,
somebody's psql after BEGIN. Who waits for it gives up soon; if it is one of ours, PostgreSQL
ends it after a while.
"""

from typing import Any, Self

import psycopg

# Whoever waits longer had better try again: the thread that waits is missing to others.
LOCK_TIMEOUT = "5s"
# For PostgreSQL's end of the line; nothing on a socket of the same machine.
LOOKED_AFTER = (
    "SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
)
# A mail is sent within a transaction, to a server that may be slow.
NEVER_FORGOTTEN = f"SET idle_in_transaction_session_timeout = '5min'; {LOOKED_AFTER}"


class Session(psycopg.Connection[Any]):
    """A connection of Django's pool, with its limits from the beginning.

    By statements, not by libpq's ``options``: PgBouncer refuses those.
    """

    @classmethod
    def connect(cls, conninfo: str = "", **said: Any) -> Self:
        session = super().connect(conninfo, **said)
        try:
            session.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'; {NEVER_FORGOTTEN}")
        except psycopg.Error:
            session.close()
            raise
        return session
