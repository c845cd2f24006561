"""Commands as the operator types them, shown with what they answer."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Failed(Exception):
    """A step did not come out as it has to; the message says which and why."""


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def chapter(title: str) -> None:
    say(f"\n── {title} ".ljust(88, "─"))


def ask(command: str, *, timeout: float = 900) -> str:
    """What the command prints. Raises Failed."""
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode != 0:
        raise Failed(f"{command}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout.strip()


def do(command: str, *, show: int = 6) -> str:
    """The same, shown with the last lines of its answer."""
    say(f"$ {command}")
    said = ask(command)
    for line in said.splitlines()[-show:] if show else ():
        say(f"  {line.rstrip()[:160]}")
    return said


def succeeds(command: str, *, timeout: float = 120) -> bool:
    try:
        ask(command, timeout=timeout)
    except (Failed, subprocess.TimeoutExpired):
        return False
    return True


def eventually(look: Callable[[], T | None], what: str, patience: float = 240) -> T:
    """What ``look`` finds in the end; anything falsy means not yet. Raises Failed."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.5)
    raise Failed(f"it never happened that {what}")
