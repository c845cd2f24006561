"""Emptying the database after a test with transactions of its own.

Django truncates every table and makes its content types, permissions and groups anew. For the few
rows that a test leaves, deleting them is many times quicker, and the others may stay.
"""

from collections.abc import Callable
from functools import cache

from django.db import connection
from django.test import TransactionTestCase

KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
Flush = Callable[[TransactionTestCase], None]


def quickly(flush: Flush) -> Flush:
    """Does what ``flush`` does, which is called where what is kept was touched by the test."""
    kept = ""

    def empty(case: TransactionTestCase) -> None:
        nonlocal kept
        if kept:
            _delete()
        if not kept or kept != _rows_kept():
            flush(case)
            kept = _rows_kept()

    return empty


def _delete() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_deletion())


@cache
def _deletion() -> str:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    deletes = "".join(
        f"DELETE FROM {connection.ops.quote_name(table)};"
        for table in sorted(set(tables) - set(KEPT))
    )
    # No trigger fires so: neither those that keep the journal as it is nor the foreign keys'.
    return f"BEGIN; SET LOCAL session_replication_role = replica; {deletes} COMMIT"


def _rows_kept() -> str:
    parts = ", ".join(
        f"(SELECT string_agg(t::text, ';' ORDER BY id) FROM {table} AS t)" for table in KEPT
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT md5(concat_ws('|', {parts}))")
        (found,) = cursor.fetchone() or ("",)
    return str(found)
