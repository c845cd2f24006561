"""What no line of the log ever says, whoever writes it."""

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError
from django.db.transaction import TransactionManagementError

from inscrit.monitoring import logs

ADDRESS = "zebulon.quenotte@example.org"


def written(log_format: str, **line: Any) -> str:
    said: Any = line
    for processor in logs.processors(log_format):
        said = processor(None, "info", said)
    return str(said)


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "line",
    [
        {"event": "Event cancelled", "actor": f"admin:{ADDRESS}"},
        {"event": "Not opened", "error": f"Invalid email address: {ADDRESS}"},
        {"event": f"Internal Server Error: /?of={ADDRESS}"},
        {"event": "Failed", "exc_info": ValueError(f"{ADDRESS} is no number")},
    ],
)
def test_an_address_is_cut_short(log_format: str, line: dict[str, Any]) -> None:
    text = written(log_format, **line)
    assert "example.org" not in text
    assert "zebulon" not in text


def refused_row() -> Exception:
    """As when a transaction goes on after PostgreSQL has refused a row, and shown it."""
    try:
        try:
            try:
                raise psycopg.errors.UniqueViolation("Key (contact_name)=(Zébulon Quenotte) exists")
            except psycopg.Error as error:
                raise IntegrityError(str(error)) from error
        except IntegrityError:
            raise TransactionManagementError("the transaction is broken")  # noqa: B904
    except TransactionManagementError as error:
        return error


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_row_that_the_database_refused_is_never_shown(log_format: str) -> None:
    text = written(log_format, event="❌ Failed", exc_info=refused_row())
    assert "Quenotte" not in text
    assert "UniqueViolation" in text


def raised(error: Exception, of: Exception | None = None) -> Exception:
    """As it is caught, with its traceback."""
    try:
        raise error from of
    except Exception as caught:  # noqa: BLE001 - whichever it is
        return caught


def deep_inside() -> Exception:
    inner = ExceptionGroup("two at once", [ValueError("no number"), refused_row()])
    return raised(ExceptionGroup("several", [KeyError("other"), inner]))


GROUPS: dict[str, Callable[[], BaseException]] = {
    "itself": deep_inside,
    "a cause": lambda: raised(RuntimeError("stopped"), deep_inside()),
    "a part's cause": lambda: ExceptionGroup(
        "several", [KeyError("other"), ExceptionGroup("more", [raised(OSError(), deep_inside())])]
    ),
    "one that ends everything": lambda: BaseExceptionGroup(
        "several", [KeyboardInterrupt(), refused_row()]
    ),
}


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("group", GROUPS)
def test_a_row_is_not_shown_by_a_group_of_errors_either(group: str, log_format: str) -> None:
    error = GROUPS[group]()
    assert "Quenotte" in "".join(traceback.format_exception(error))
    text = written(log_format, event="❌ Failed", exc_info=error)
    assert "Quenotte" not in text
    assert "UniqueViolation" in text


def test_each_mistake_beside_a_row_that_was_refused_is_found() -> None:
    async def missing() -> None:
        raise KeyError("missing")

    async def refused() -> None:
        raise refused_row()

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(missing())
            tasks.create_task(refused())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(both())
    text = written("text", event="❌ Failed", exc_info=caught.value)
    assert "error=UniqueViolation" in text
    assert "raised=KeyError" in text
    assert "in missing" in text


def test_a_group_without_a_word_of_the_database_keeps_its_traceback() -> None:
    error = raised(ExceptionGroup("several", [KeyError("missing")]))
    text = written("text", event="❌ Failed", exc_info=error)
    assert "Traceback" in text
    assert "KeyError: 'missing'" in text


def test_a_row_is_not_shown_where_the_error_is_the_one_that_is_caught() -> None:
    try:
        raise refused_row()
    except TransactionManagementError:
        text = written("text", event="❌ Failed", exc_info=True)
    assert "Quenotte" not in text
    assert "error=UniqueViolation" in text


ROW = psycopg.errors.UniqueViolation("Key (contact_name)=(Zébulon Quenotte) exists")


@pytest.mark.parametrize("error", [ROW, ExceptionGroup("several", [ROW])], ids=["one", "group"])
def test_a_row_is_not_shown_by_the_text_that_comes_with_the_error(error: Exception) -> None:
    """As asyncio tells of a task whose end nobody has asked for."""
    event = f"Task exception was never retrieved\nfuture: <Task exception={error!r}>"
    text = written("text", event=event, exc_info=(type(error), error, None))
    assert "Quenotte" in event
    assert "Quenotte" not in text
    assert text.startswith("Task exception was never retrieved error=")


def test_a_mistake_after_the_database_refused_a_row_is_found_all_the_same() -> None:
    try:
        try:
            raise psycopg.errors.UniqueViolation("Key (contact_name)=(Zébulon Quenotte) exists")
        except psycopg.Error:
            raise KeyError("missing")  # noqa: B904
    except KeyError as error:
        text = written("text", event="❌ Failed", exc_info=error)
    assert "Zébulon" not in text
    assert "error=UniqueViolation" in text
    assert "raised=KeyError" in text
    assert "test_logs.py:" in text
    assert "in test_a_mistake_after" in text


def test_what_is_no_address_stays_as_it_is() -> None:
    assert written("text", event="📣 Told", about="10 @ 3", path="/@me").endswith(
        'about="10 @ 3" path=/@me'
    )
