"""Log lines on standard output: text for people, JSON for machines.

A line begins with its text; details follow as ``key=value``. With ``LOG_FORMAT=json`` the same
text is the value of ``event``. What libraries log through the standard library looks the same.
"""

import logging.config
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError
from procrastinate.exceptions import ConnectorException
from structlog.typing import EventDict, Processor, WrappedLogger

# Access lines tell nothing that ours don't, and would name tokens in addresses.
QUIET = (
    "httpx",
    "httpcore",
    "uvicorn",
    "procrastinate",
    "psycopg.pool",
    "stripe",
    "asyncio",
)


class Output:
    """Standard output. What one thread writes ``together`` goes out in one piece."""

    def __init__(self) -> None:
        self._held = threading.local()

    def write(self, text: str) -> None:
        held: list[str] | None = getattr(self._held, "lines", None)
        if held is None:
            sys.stdout.write(text)
        else:
            held.append(text)

    def flush(self) -> None:
        if getattr(self._held, "lines", None) is None:
            sys.stdout.flush()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hold this thread's lines back until the end of the block, which must not await."""
        self._held.lines = lines = list[str]()
        try:
            yield
        finally:
            self._held.lines = None
            sys.stdout.write("".join(lines))
            sys.stdout.flush()


output = Output()
# What needs no quotes; everything else is left to structlog's own renderer.
_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+").fullmatch
_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+")


class TextRenderer:
    """Writes ``the text key=value …`` on one line, whatever stands in the values."""

    def __init__(self) -> None:
        self._quoted = structlog.processors.LogfmtRenderer()

    def __call__(self, logger: WrappedLogger, name: str, line: EventDict) -> str:
        text = str(line.pop("event")).replace("\n", "\\n").replace("\r", "\\r")
        trace = line.pop("exception", None)
        line.pop("timestamp", None)  # the container's log keeps the time of each line
        details = [
            f" {key}={value}"
            if isinstance(value, str) and _PLAIN(value)
            else f" {self._quoted(logger, name, {key: value})}"
            for key, value in line.items()
        ]
        return "".join([text, *details, f"\n{trace}" if trace else ""])


def _drop_level(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    if line.get("level") == "info":
        del line["level"]
    return line


def _lost_database(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    """A database that went away is no bug: its kind says enough, a traceback would not help."""
    error = _error(line.get("exc_info"))
    if isinstance(error, psycopg.OperationalError | ConnectorException):
        line.pop("exc_info")
        line["error"] = type(error).__name__
    causes = (one for one in _shown(error) if isinstance(one, psycopg.Error))
    if "exc_info" in line and (cause := next(causes, None)):
        # Its text may show a whole row, with somebody's name and address.
        line.pop("exc_info")
        # asyncio's text goes on with a task or a handle, and the error in it.
        line["event"] = str(line["event"]).partition("\n")[0]
        line["error"] = type(cause).__name__
        line["constraint"] = cause.diag.constraint_name
        known = DatabaseError | InterfaceError | psycopg.Error
        if mistakes := [one for one in _parts(error) if not isinstance(one, known)]:
            line["raised"] = ", ".join(type(one).__name__ for one in mistakes)
            line["at"] = ", ".join(map(_place, mistakes))
    return line


def _error(failure: object) -> BaseException | None:
    """What ``exc_info`` stands for: itself, its triple, or whichever is being handled."""
    if isinstance(failure, tuple):
        failure = failure[1]
    if isinstance(failure, BaseException):
        return failure
    return sys.exc_info()[1] if failure else None


def _place(error: BaseException) -> str:
    """``file.py:12 in function``, where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return "".join(f"{Path(one.filename).name}:{one.lineno} in {one.name}" for one in frames[-1:])


def _parts(error: BaseException | None) -> Iterator[BaseException]:
    """The errors of a group, of its groups too; any other is the only one."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _parts(one)
    elif error is not None:
        yield error


def _shown(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that a traceback would show with it, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, None if one.__suppress_context__ else one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(reversed(one.exceptions))


def _without_addresses(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    """Whoever wrote them: Stripe's answer to an address, an account that is called like one."""
    for key, value in line.items():
        if isinstance(value, str) and "@" in value:
            line[key] = _ADDRESS.sub("…@…", value)
    return line


def processors(log_format: str) -> list[Processor]:
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _lost_database,
    ]
    errors: list[Processor] = [structlog.processors.format_exc_info, _without_addresses]
    if log_format == "json":
        stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
        return [*shared, stamp, *errors, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [*shared, _drop_level, *errors, TextRenderer()]


def configure(log_format: str) -> None:
    """Set up structlog and the standard library's logging; ``log_format`` is text or json."""
    *shared, renderer = processors(log_format)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", output)),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard_library(shared, renderer))


def _standard_library(shared: list[Processor], renderer: Processor) -> dict[str, Any]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*shared, structlog.stdlib.add_logger_name],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    }
    handler = {"class": "logging.StreamHandler", "stream": sys.stdout, "formatter": "line"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stdout": handler},
        "root": {"handlers": ["stdout"], "level": "INFO"},
        "loggers": {name: {"level": "WARNING"} for name in QUIET}
        # A visitor's 404 is no news; its line would name the address, which may hold a token.
        | {"django.request": {"level": "ERROR"}},
    }
