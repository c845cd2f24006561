"""What was delivered to whom, attempt by attempt."""

from typing import Any

from inscrit.sandbox.store import Store

MOST = 200


def deliveries(
    store: Store, event: str | None = None, before: int | None = None
) -> list[dict[str, Any]]:
    """Newest first, each with its attempts, oldest first; 200 at most, ``before`` that delivery."""
    rows = store.database.execute(
        "SELECT delivery.id, delivery.event, delivery.endpoint, delivery.state, "
        "delivery.attempts, delivery.due, json_extract(object.body, '$.type') "
        "FROM delivery LEFT JOIN object ON object.id = delivery.event "
        "WHERE (?1 IS NULL OR delivery.event = ?1) AND (?2 IS NULL OR delivery.id < ?2) "
        "ORDER BY delivery.id DESC LIMIT ?3",
        (event, before, MOST),
    )
    names = ("id", "event", "endpoint", "state", "attempts", "due", "type")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [each | {"attempts": attempts(store, each["id"])} for each in found]


def attempts(store: Store, delivery: int) -> list[dict[str, Any]]:
    rows = store.database.execute(
        "SELECT at, seconds, status, answer, fault FROM attempt WHERE delivery = ? ORDER BY id",
        (delivery,),
    )
    names = ("at", "seconds", "status", "answer", "fault")
    return [dict(zip(names, row, strict=True)) for row in rows]
