"""A backup goes somewhere slow: the session that keeps its snapshot is silent meanwhile."""

import io
import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from inscrit.backups import making

if TYPE_CHECKING:
    from typing_extensions import Buffer

pytestmark = pytest.mark.django_db(transaction=True)


class Slow(io.BytesIO):
    """The first part takes longer than PostgreSQL lets a session be silent."""

    def write(self, part: "Buffer") -> int:
        if not self.tell():
            time.sleep(0.6)
        return super().write(part)


def test_a_backup_may_take_longer_than_a_session_may_be_silent() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '200ms'")
    file = Slow()
    try:
        about = making.to_stream(file)
    finally:
        connection.close()
    assert about.rows
    assert file.tell() > 10_000
