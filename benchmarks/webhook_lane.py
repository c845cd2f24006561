"""Confirmations a second: the webhook lane beside handlers that take one transaction an event.

All run in the same minutes on the same machine, database and schema, one process each, against
registrations that wait for money in a few events; each request is a different signed
``checkout.session.completed`` of about 4 kB. Rounds alternate; medians and their ratios are shown.
The handler in Node is left out where node and npm are not installed.

    python -m benchmarks.webhook_lane [--events 4000] [--rounds 3] [--connections 64]
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import stripe
import uvloop

from inscrit import config, embedded, ports

from .load import Figures, fire, post

SECRET = "whsec_benchmark"
EVENTS_ON_SALE = 5
# Sent before the clock runs: interpreters compile, connections open, statements are prepared.
WARM_UP = 500
FASTIFY = Path(__file__).parent / "fastify"
OLDEST_NODE = (20, 19)


class LeftOut(Exception):
    """A contender can't run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One of those that are compared. ``command`` starts it, given its port."""

    name: str
    command: Callable[[int], list[str]]


def under_uvicorn(application: str) -> Callable[[int], list[str]]:
    return lambda port: [
        sys.executable, "-m", "uvicorn", application, "--port", str(port),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--lifespan", "on",
        "--log-level", "warning",
    ]  # fmt: skip


def fastify() -> Contender:
    """The handler in Node, with its packages installed. Raises LeftOut."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise LeftOut("node and npm are not installed")
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_NODE:
        raise LeftOut(f"node {version.strip()} is older than {'.'.join(map(str, OLDEST_NODE))}")
    install = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]
    if subprocess.run(install, cwd=FASTIFY, stdout=subprocess.DEVNULL, check=False).returncode:
        raise LeftOut("npm could not install its packages")
    return Contender("Fastify", lambda port: [node, str(FASTIFY / "server.js"), str(port)])


NOTHING = Contender("no work at all", under_uvicorn("benchmarks.nothing:application"))
LANE = Contender("webhook lane", under_uvicorn("inscrit.asgi:application"))
TEXTBOOK = Contender("Python textbook", under_uvicorn("benchmarks.textbook:application"))


def seed(url: str, label: str, count: int) -> list[str]:
    """So many registrations that wait for money; their ids."""
    ids = [f"reg-{label}-{n:06}" for n in range(count)]
    with psycopg.connect(url) as connection:
        for n in range(EVENTS_ON_SALE):
            connection.execute(
                "INSERT INTO events_event (id, slug, title, description, location, starts_at,"
                " ends_at, time_zone, price, currency, capacity, confirmed, held, status,"
                " late_payment, created_at) VALUES (%(id)s, %(id)s, 'Benchmark', '', '',"
                " now() + interval '9 days', now() + interval '9 days', 'Europe/Paris', 2500,"
                " 'eur', %(places)s, 0, %(places)s, 'published', 'reseat_or_refund', now())",
                {"id": f"ev-{label}-{n}", "places": count},
            )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO registrations_registration (id, event_id, status, contact_name,"
                " contact_email, locale, payment_method, places, amount, amount_refunded, currency,"
                " hold_expires_at, created_at, updated_at) VALUES (%s, %s, 'PENDING', 'Parent',"
                " 'parent@example.org', 'fr', 'stripe', 1, 2500, 0, 'eur',"
                " now() + interval '1 hour', now(), now())",
                [(id_, f"ev-{label}-{n % EVENTS_ON_SALE}") for n, id_ in enumerate(ids)],
            )
        connection.execute("ANALYZE")
    return ids


def request(registration_id: str) -> bytes:
    """A signed webhook that says this registration is paid."""
    event = {
        "id": f"evt_{registration_id}",
        "object": "event",
        "api_version": stripe.api_version,
        "created": int(time.time()),
        "type": "checkout.session.completed",
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {
            "object": {
                "id": f"cs_test_{registration_id}",
                "object": "checkout.session",
                "amount_subtotal": 2500,
                "amount_total": 2500,
                "currency": "eur",
                "livemode": False,
                "metadata": {"registrationId": registration_id},
                "mode": "payment",
                "payment_intent": f"pi_{registration_id}",
                "payment_status": "paid",
                "status": "complete",
                # What a real session carries besides: addresses, options, custom texts…
                "custom_text": {"submit": {"message": "x" * 2900}},
                "payment_method_types": ["card"],
            }
        },
    }
    body = json.dumps(event, indent=2)
    signature = stripe.WebhookSignature.generate_signature_header(body, SECRET)
    return post("/stripe/webhooks", body.encode(), {"Stripe-Signature": signature})


@contextlib.contextmanager
def serving(contender: Contender) -> Iterator[int]:
    """The port that the contender serves."""
    port = ports.free()
    process = subprocess.Popen(contender.command(port), stdout=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/stripe/webhooks")
                break
            if process.poll() is not None:
                raise SystemExit(f"{contender.name} did not start.")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def measure(contender: Contender, ids: list[str], connections: int) -> Figures:
    with serving(contender) as port:
        uvloop.run(fire(port, [request(id_) for id_ in ids[:WARM_UP]], connections))
        figures = uvloop.run(fire(port, [request(id_) for id_ in ids[WARM_UP:]], connections))
    assert figures.refused == 0, f"{contender.name} refused {figures.refused}"
    return figures


def confirm(url: str, contender: Contender, label: str, arguments: argparse.Namespace) -> Figures:
    """Let the contender confirm registrations of its own."""
    ids = seed(url, label, WARM_UP + arguments.events)
    figures = measure(contender, ids, arguments.connections)
    with psycopg.connect(url) as connection:
        (paid,) = connection.execute(
            "SELECT count(*) FROM registrations_registration WHERE id LIKE %s AND status = 'PAID'",
            (f"reg-{label}-%",),
        ).fetchone() or (0,)
    assert paid == len(ids), f"{contender.name}: only {paid} of {len(ids)} are PAID"
    return figures


def show(what: str, contender: Contender, figures: Figures) -> None:
    print(
        f"{what:9} {contender.name:16} {figures.per_second:8,.0f}/s"
        f"  median {figures.median:6.1f} ms  p99 {figures.p99:6.1f} ms",
        flush=True,
    )


def compare(url: str, contenders: list[Contender], arguments: argparse.Namespace) -> None:
    ids = [f"reg-nothing-{n}" for n in range(WARM_UP + arguments.events)]
    show("limit", NOTHING, measure(NOTHING, ids, arguments.connections))
    runs: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for round_ in range(arguments.rounds):
        # Nobody always comes first, or always after the same one.
        turn = round_ % len(contenders)
        for number, contender in enumerate(contenders[turn:] + contenders[:turn]):
            figures = confirm(url, contender, f"{round_}{number}", arguments)
            runs[contender.name].append(figures.per_second)
            show(f"round {round_ + 1}", contender, figures)
    medians = {name: statistics.median(each) for name, each in runs.items()}
    lane = medians.pop(LANE.name)
    print(f"medians: {LANE.name} {lane:,.0f}/s")
    for name, median in medians.items():
        print(f"         {name} {median:,.0f}/s, the lane does {lane / median:.1f} times as much")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    arguments = parser.parse_args()
    contenders = [LANE, TEXTBOOK]
    try:
        contenders.append(fastify())
    except LeftOut as error:
        print(f"Fastify is left out: {error}.")
    with tempfile.TemporaryDirectory(prefix="inscrit-benchmark-") as folder:
        os.environ |= {
            "INSCRIT_DATA_DIR": folder,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "DJANGO_SETTINGS_MODULE": "inscrit.settings",
            "NODE_ENV": "production",
        }
        os.environ.pop("DATABASE_URL", None)
        with embedded.database(config.load()) as url:
            subprocess.run([sys.executable, "-m", "inscrit", "migrate"], check=True, stdout=-3)
            compare(url, contenders, arguments)


if __name__ == "__main__":
    assert Path("pyproject.toml").exists(), "run it from the repository"
    main()
