"""The container's health check, against the real web side."""

import subprocess
import sys
from pathlib import Path

import pytest

from inscrit import ports

from .installation import Installation

SCRIPT = Path(__file__).parents[2] / "deploy" / "healthcheck.py"


def checked(port: int) -> int:
    return subprocess.run([sys.executable, "-IS", str(SCRIPT), str(port)], check=False).returncode


def test_a_web_side_that_answers_is_healthy(installation: Installation) -> None:
    assert checked(installation.site_port) == 0


def test_a_port_where_nobody_listens_is_not() -> None:
    assert checked(ports.free()) == 1


@pytest.mark.parametrize("part", ["sandbox", "mailbox"])
def test_another_server_than_ours_is_not(installation: Installation, part: str) -> None:
    assert checked(getattr(installation, f"{part}_port")) == 1
