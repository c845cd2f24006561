"""Money that is ours, for sums in the database: what came, less what went back.

The definition stands in the database, ``inscrit_received`` (migration 0007); for one registration
that is at hand ``Registration.received`` tells the same.
"""

from django.db.models import BigIntegerField, CharField, Field, Func


def kept() -> Func:
    """Of a registration that was paid, in the unit of its ``currency()``."""
    return _told("amount - returned", BigIntegerField())


def currency() -> Func:
    return _told("currency", CharField())


def _told(what: str, kind: "Field[object, object]") -> Func:
    template = f"(SELECT {what} FROM inscrit_received(%(expressions)s))"  # noqa: S608 - ours
    return Func("pk", template=template, output_field=kind)
