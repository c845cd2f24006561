"""A Docker Engine with a swarm: the one that runs here, or one of our own for the time being."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import firewall
from .shell import ask, do, eventually, say, succeeds

NEEDED = "Install Docker Engine (Debian: apt-get install docker.io), start it, and try again."
BRIDGES = ("docker0", "docker_gwbridge")


class NoEngine(Exception):
    """No Docker Engine can be had here; the message says what would help."""


class InTheWay(Exception):
    """Something here is somebody else's, and is left alone."""


@contextmanager
def engine() -> Iterator[None]:
    """Docker answers while this lasts. Raises NoEngine."""
    if shutil.which("docker") is None:
        raise NoEngine(f"There is no command docker. {NEEDED}")
    if succeeds("docker info"):
        say("The Docker Engine that runs here is used.")
        yield
        return
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        raise NoEngine(f"No Docker Engine answers, and none can be started. {NEEDED}")
    with _own_engine():
        yield


@contextmanager
def _own_engine() -> Iterator[None]:
    folder = Path(tempfile.mkdtemp(prefix="inscrit-"))
    socket, log = folder / "docker.sock", folder / "dockerd.log"
    bridges = [name for name in BRIDGES if not _is_there(name)]
    rules = firewall.Rules.now()
    places = ["--data-root", folder / "data", "--exec-root", folder / "exec"]
    say(f"No Docker Engine runs here: one is started in {folder}, and removed at the end.")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "dockerd",
                *map(str, places),
                "--pidfile",
                str(folder / "pid"),
                f"--host=unix://{socket}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; the engine is stopped last
        )
    os.environ["DOCKER_HOST"] = f"unix://{socket}"
    try:
        eventually(
            lambda: process.poll() is not None or succeeds("docker info"), "the engine answers", 60
        )
        if process.poll() is not None:
            raise NoEngine(f"The engine did not start:\n{log.read_text()[-1500:]}")
        yield
    finally:
        process.terminate()
        process.wait(60)
        firewall.restore(rules)
        _remove(folder, bridges)


def _is_there(bridge: str) -> bool:
    return Path("/sys/class/net", bridge).exists()


def _remove(folder: Path, bridges: list[str]) -> None:
    mounted = [line.split(" ")[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in sorted(mounted, reverse=True):
        if Path(place).is_relative_to(folder):
            succeeds(f"umount --lazy {place}")
    for name in filter(_is_there, bridges):
        succeeds(f"ip link delete {name}")
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def swarm(*, may_use_existing: bool) -> Iterator[None]:
    """This engine manages a swarm while this lasts. Raises InTheWay."""
    state = ask("docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}'")
    if state == "inactive false":
        do("docker swarm init --advertise-addr 127.0.0.1", show=1)
        try:
            yield
        finally:
            do("docker swarm leave --force")
        return
    if not may_use_existing or state != "active true":
        raise InTheWay(
            f"This engine is part of a swarm already ({state}), and nothing of it was touched. "
            "On a swarm for trials, run this again on a manager with --use-this-swarm."
        )
    say("The swarm that is here is used; only what this rehearsal creates is removed again.")
    yield


def building() -> str:
    """The beginning of a build command that knows BuildKit's secrets. Raises NoEngine."""
    for client in ("docker", "/usr/bin/docker"):
        command = f"DOCKER_BUILDKIT=1 {client} build"
        if succeeds(f"{command} --help | grep -q -- --secret"):
            return f"{command} --network host"
    raise NoEngine("This Docker can't build with BuildKit. Install docker-buildx, and try again.")
