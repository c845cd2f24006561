"""What no line of the log ever says, whoever writes it."""

from typing import Any

import pytest

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


def test_what_is_no_address_stays_as_it_is() -> None:
    assert written("text", event="📣 Told", about="10 @ 3", path="/@me").endswith(
        'about="10 @ 3" path=/@me'
    )
