"""The stack on this swarm: created as the operator does it, asked, and taken down."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from . import images
from .engine import InTheWay
from .shell import Failed, ask, do, eventually, say, succeeds

STACK = "rehearsal"
EDGE = f"{STACK}_edge"
LABEL = "inscrit-database"
WEBHOOK_SECRET = "stripe_webhook_secret"  # noqa: S105 - names of secrets
METRICS_TOKEN = "metrics_token"  # noqa: S105
SECRETS = (WEBHOOK_SECRET, "stripe_secret", "secret_key", "pg_password", "email_url", METRICS_TOKEN)
LATER_SECRETS = (f"{WEBHOOK_SECRET}_2", f"{WEBHOOK_SECRET}_3")
REPLICAS = 2
DEPLOY = (
    "docker stack deploy --resolve-image never"
    f" -c deploy/stack.yml -c deploy/rehearsal/override.yml {STACK}"
)


# As Prometheus does it.
SCRAPE = f"""
from urllib.request import Request, urlopen
token = open("/run/secrets/{METRICS_TOKEN}").read().strip()
shown = {{"Authorization": f"Bearer {{token}}"}}
print(urlopen(Request("http://127.0.0.1:8000/metrics", headers=shown)).read().decode())
"""


@dataclass(frozen=True, slots=True)
class Addresses:
    site: str
    sandbox: str


def make_sure_that_nothing_is_overwritten() -> None:
    """Raises InTheWay."""
    there = set(ask("docker secret ls --format '{{.Name}}'").split())
    if found := there & {*SECRETS, *LATER_SECRETS}:
        raise InTheWay(f"This swarm has secrets of these names: {', '.join(sorted(found))}.")
    if STACK in ask("docker stack ls --format '{{.Name}}'").split():
        raise InTheWay(f"This swarm has a stack called {STACK}.")


@contextmanager
def deployed(webhook_secret: str) -> Iterator[Addresses]:
    """The whole stack, running; nothing of it is left afterwards."""
    make_sure_that_nothing_is_overwritten()
    node = ask("docker info --format '{{.Swarm.NodeID}}'")
    try:
        do(f"docker network create --driver overlay {EDGE}", show=0)
        do(f"docker node update --label-add {LABEL}=yes {node}", show=0)
        _create_secrets(webhook_secret)
        addresses = _deploy(webhook_secret)
        yield addresses
    finally:
        _take_down(node)


def _create_secrets(webhook_secret: str) -> None:
    do(f'echo "{webhook_secret}" | docker secret create {WEBHOOK_SECRET} -', show=0)
    do('echo "sk_test_rehearsal" | docker secret create stripe_secret -', show=0)
    do("openssl rand -base64 48 | docker secret create secret_key -", show=0)
    do("openssl rand -hex 24 | docker secret create pg_password -", show=0)
    do('echo "console:" | docker secret create email_url -', show=0)
    do(f"openssl rand -hex 24 | docker secret create {METRICS_TOKEN} -", show=0)
    do(f"docker secret ls | grep {WEBHOOK_SECRET}")


def _deploy(webhook_secret: str) -> Addresses:
    site_port, sandbox_port = _free_port(), _free_port()
    os.environ |= {
        "INSCRIT_HOST": "127.0.0.1",
        "DEFAULT_FROM_EMAIL": "Inscrit <noreply@example.org>",
        "INSCRIT_IMAGE": images.PRODUCT,
        "SANDBOX_IMAGE": images.PRODUCT,
        "POSTGRES_IMAGE": images.PARTS,
        "EDGE_NETWORK": EDGE,
        "SITE_PORT": str(site_port),
        "SANDBOX_PORT": str(sandbox_port),
        "SANDBOX_WEBHOOK_SECRET": webhook_secret,
    }
    do(DEPLOY, show=2)
    eventually(lambda: len(healthy_webs()) == REPLICAS, "both web replicas are healthy", 420)
    do("docker service ls")
    return Addresses(f"http://127.0.0.1:{site_port}", f"http://127.0.0.1:{sandbox_port}")


def deploy_again(**settings: str) -> None:
    """With these changes in the operator's settings; until every replica is the new one."""
    os.environ |= settings
    for name, value in settings.items():
        say(f"$ export {name}={value}")
    with updating("web", "completed"), updating("worker", "completed"):
        do(DEPLOY, show=0)


@contextmanager
def updating(service: str, end: str) -> Iterator[None]:
    """The service is updated by what is done in here. Raises Failed if it comes to another end."""
    earlier, _ = _last_update(service)
    yield

    def ended() -> str | None:
        began, state = _last_update(service)
        return state if began != earlier and state.endswith(("completed", "paused")) else None

    reached = eventually(ended, f"the update of {service} comes to an end", 300)
    say(f"  {STACK}_{service}: {reached}")
    if reached != end:
        raise Failed(f"the update of {service} is {reached}, not {end}")


def _last_update(service: str) -> tuple[str, str]:
    """When it began, and its state; empty while there was none."""
    wanted = "{{with .UpdateStatus}}{{.StartedAt.UnixNano}} {{.State}}{{end}}"
    said = ask(f"docker service inspect --format '{wanted}' {STACK}_{service}")
    began, _, state = said.partition(" ")
    return began, state


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _take_down(node: str) -> None:
    """Everything that `deployed` made, however far it came; not to be disturbed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    say()
    say("Taking everything down.")
    succeeds(f"docker stack rm {STACK}")
    of_the_stack = f"-f label=com.docker.stack.namespace={STACK}"
    eventually(lambda: not ask(f"docker ps -aq {of_the_stack}"), "the containers are gone", 180)
    for secret in (*SECRETS, *LATER_SECRETS):
        succeeds(f"docker secret rm {secret}")
    succeeds(f"docker node update --label-rm {LABEL} {node}")
    for what in (f"volume rm {STACK}_database", f"network rm {EDGE}"):
        command = f"docker {what}"
        if not succeeds(command):
            time.sleep(5)
            succeeds(command)
    left = ask(
        f"docker ps -aq {of_the_stack}; docker volume ls -q {of_the_stack}; docker secret ls -q"
    )
    say(f"Left behind: {left or 'nothing'}")


def containers(service: str) -> list[str]:
    """The ids of the running ones, the oldest last."""
    return ask(f"docker ps -q -f name={STACK}_{service}").split()


def healthy_webs() -> list[str]:
    return ask(f"docker ps -q -f name={STACK}_web -f health=healthy").split()


def inscrit(command: str) -> str:
    """What ``inscrit …`` prints in a web container, shown."""
    return do(f"docker exec $(docker ps -q -f name={STACK}_web | head -n 1) inscrit {command}")


def query(sql: str) -> list[str]:
    (postgres,) = containers("postgres")
    command = f"docker exec {postgres} psql -U inscrit -d inscrit -At -c"
    return ask(f'{command} "{sql}"').splitlines()


def metrics(container: str) -> dict[str, float]:
    """The samples that this web container tells."""
    text = ask(f"docker exec -i {container} python3 - <<'EOF'\n{SCRAPE}EOF")
    lines = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("", "#"))
    return {name: float(value) for name, _, value in lines}


def memory() -> dict[str, str]:
    """What each container of Inscrit's holds, by service."""
    said = ask("docker stats --no-stream --format '{{.Name}} {{.MemUsage}}'").splitlines()
    found: dict[str, str] = {}
    for line in said:
        name, used, *_ = line.split()
        service = name.removeprefix(f"{STACK}_").split(".")[0]
        if service in ("web", "worker", "postgres"):
            found[service] = f"{found[service]} {used}" if service in found else used
    return found


def seconds_to_start(container: str) -> float:
    """From the container's start until it was ready to answer."""
    started = ask(f"docker inspect --format '{{{{.State.StartedAt}}}}' {container}")
    ready = ask(f"docker logs --timestamps {container} 2>&1 | grep -m 1 'Web side ready'")
    return (_moment(ready.split(" ")[0]) - _moment(started)).total_seconds()


def _moment(text: str) -> datetime:
    """Docker writes nanoseconds, without zeros at the end."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}+00:00")
