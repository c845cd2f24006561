"""Confirmations a second: the webhook lane beside a one-transaction-per-event handler.

Both run in the same minute on the same machine, database and schema, one process each, against
registrations that wait for money in a few events; each request is a different signed
``checkout.session.completed`` of about 4 kB. Rounds alternate; medians and their ratio are shown.

    python -m benchmarks.webhook_lane [--events 4000] [--rounds 3] [--connections 64]
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import stripe
import uvloop

from inscrit import config, embedded, ports

from .load import Figures, fire, post

SECRET = "whsec_benchmark"
EVENTS_ON_SALE = 5
LANE = "inscrit.asgi:application"
TEXTBOOK = "benchmarks.textbook:application"


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
def serving(application: str) -> Iterator[int]:
    """The port of one uvicorn process that runs the application."""
    port = ports.free()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "uvicorn", application, "--port", str(port),
            "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--lifespan", "on",
            "--log-level", "warning",
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/stripe/webhooks")
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def measure(url: str, application: str, label: str, events: int, connections: int) -> Figures:
    ids = seed(url, label, events)
    with serving(application) as port:
        requests = [request(id_) for id_ in ids]
        figures = uvloop.run(fire(port, requests, connections))
    with psycopg.connect(url) as connection:
        (paid,) = connection.execute(
            "SELECT count(*) FROM registrations_registration WHERE id LIKE %s AND status = 'PAID'",
            (f"reg-{label}-%",),
        ).fetchone() or (0,)
    assert paid == events, f"{application}: only {paid} of {events} are PAID"
    assert figures.refused == 0
    return figures


def compare(url: str, arguments: argparse.Namespace) -> None:
    runs: dict[str, list[Figures]] = {LANE: [], TEXTBOOK: []}
    for round_ in range(arguments.rounds):
        for number, application in enumerate(runs):
            label = f"{round_}{number}"
            figures = measure(url, application, label, arguments.events, arguments.connections)
            runs[application].append(figures)
            print(
                f"round {round_ + 1}  {application:32} {figures.per_second:8.0f}/s"
                f"  median {figures.median:6.1f} ms  p99 {figures.p99:6.1f} ms"
            )
    lane, textbook = (statistics.median(f.per_second for f in each) for each in runs.values())
    print(f"medians: lane {lane:.0f}/s, one transaction an event {textbook:.0f}/s")
    print(f"ratio: {lane / textbook:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inscrit-benchmark-") as folder:
        os.environ |= {
            "INSCRIT_DATA_DIR": folder,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "DJANGO_SETTINGS_MODULE": "inscrit.settings",
        }
        os.environ.pop("DATABASE_URL", None)
        with embedded.database(config.load()) as url:
            subprocess.run([sys.executable, "-m", "inscrit", "migrate"], check=True, stdout=-3)
            compare(url, arguments)


if __name__ == "__main__":
    assert Path("pyproject.toml").exists(), "run it from the repository"
    main()
