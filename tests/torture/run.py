"""Hundreds of buyers, faults, and parts killed at random; then every payment and place is checked.

python -m tests.torture.run [--minutes 3] [--buyers 300] [--events 5] [--web 1] [--workers 1]
"""

import argparse
import asyncio
import json
import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import stripe

from tests.acceptance.installation import Installation, folder_for_a_database

from . import afterwards, books, breaches, trouble
from .breaches import Breach
from .buyers import Buyer, GaveUp, Organiser, Refused, Town
from .kills import Killer
from .report import Report
from .stories import STORIES

POLICIES = ("reseat_or_refund", "refund", "review")
# Places on offer for a hundred buyers, who want some 180.
PLACES_FOR_100 = 90
# Buyers come in waves, the last one when this share of the time has passed.
WAVES = 12
LAST_WAVE = 0.75
WITHIN_A_WAVE = 2.0
# When the organiser cancels the last of the events.
CALLED_OFF = 0.6


@dataclass(frozen=True)
class Options:
    """``seconds`` is how long the trouble lasts, ``kills`` how often each kind of part dies.

    ``logs`` is a folder to keep the parts' logs and the final tables in.
    """

    seed: int
    seconds: float = 180
    buyers: int = 300
    events: int = 5
    web: int = 1
    workers: int = 1
    kills: int = 8
    logs: Path | None = None


def torture(options: Options) -> Report:
    """Run it all; what it did and found."""
    stripe.enable_telemetry = False
    report = Report(options.seed)
    with folder_for_a_database() as folder:
        settings = {"ORGANISER_EMAIL": "organiser@example.org"}
        installation = Installation(folder, settings, webs=options.web, workers=options.workers)
        try:
            with _timed(report, "starting"):
                installation.start_all()
                with installation.organiser("torture") as organiser:
                    events = open_events(organiser, options)
                    key = organiser.headers["authorization"].removeprefix("Bearer ")
                town = Town(installation, events, key)
            with _timed(report, "trouble"):
                asyncio.run(_trouble(options, town, report))
            with _timed(report, "aftermath"):
                _aftermath(installation, report)
            _judge(installation, town, report)
        finally:
            installation.stop_all()
            if options.logs:
                _keep(folder, report, options.logs)
    return report


def _keep(folder: Path, report: Report, logs: Path) -> None:
    """The parts' logs, and the tables as they were in the end."""
    logs.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, logs)
    if report.books:
        tables = json.dumps(report.books.tables, default=str, indent=1)
        (logs / "tables.json").write_text(tables, encoding="utf-8")


@contextmanager
def _timed(report: Report, what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    report.seconds[what] = time.monotonic() - began
    print(f"{what}: {report.seconds[what]:.0f} s", flush=True)


def open_events(organiser: httpx.Client, options: Options) -> list[str]:
    """A few scarce events, their policies in turn; the first ones refund whoever cancels."""
    starts = datetime.now(UTC) + timedelta(days=30)
    capacity = max(3, options.buyers * PLACES_FOR_100 // 100 // options.events)
    opened = []
    for number in range(options.events):
        event = {
            "title": f"Stage {number + 1}",
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=6)).isoformat(),
            "refund_until": starts.isoformat() if number % 2 == 0 else None,
            "price": 2500,
            "currency": "eur",
            "capacity": capacity,
            "status": "published",
            "late_payment": POLICIES[number % len(POLICIES)],
        }
        made = organiser.post("/api/v1/events", json=event).raise_for_status()
        opened.append(str(made.json()["id"]))
    return opened


async def _trouble(options: Options, town: Town, report: Report) -> None:
    killer = Killer(town.installation, options.seed, report.kills, report.fallen)
    trouble.begin(town.installation)
    watching = asyncio.create_task(killer.watch_over())
    buyers = (_live(town, number, options, report) for number in range(options.buyers))
    await asyncio.gather(
        killer.rage(options.seconds, options.kills), _call_off(town, options), *buyers
    )
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    report.faults = trouble.end(town.installation)
    report.tries_again = town.tries_again


async def _call_off(town: Town, options: Options) -> None:
    """The organiser cancels an event in the middle of everything."""
    await asyncio.sleep(options.seconds * CALLED_OFF)
    organiser = Organiser(town, random.Random(f"{options.seed}/organiser"), "organiser")
    with suppress(GaveUp):  # the wish is written down, or it is not: both must be right
        await organiser.cancel_event(town.events[-1])
    await organiser.http.aclose()


async def _live(town: Town, number: int, options: Options, report: Report) -> None:
    dice = random.Random(f"{options.seed}/{number}")
    (story,) = dice.choices(list(STORIES), weights=list(STORIES.values()))
    report.stories[story.__name__.replace("_", " ")] += 1
    wave = dice.randrange(WAVES) / (WAVES - 1) * options.seconds * LAST_WAVE
    await asyncio.sleep(wave + dice.uniform(0, WITHIN_A_WAVE))
    buyer = Buyer(town, number, dice)
    try:
        await story(buyer)
        report.endings["told to the end"] += 1
    except Refused as refusal:
        report.endings[str(refusal)] += 1
    except GaveUp as error:
        report.endings[f"gave up: {error}"] += 1
    finally:
        await buyer.http.aclose()


def _aftermath(installation: Installation, report: Report) -> None:
    installation.await_answers()
    afterwards.let_stripe_finish(installation)
    for _ in range(2):
        afterwards.let_us_finish(installation)
        afterwards.deliver_everything(installation)
        report.reconciled = installation.command("reconcile", "--since", "72h").strip()
    left = afterwards.let_us_finish(installation)
    report.breaches += [Breach(what, f"{number} left") for what, number in left.items()]
    report.audited = installation.command("audit", "--json").strip()


def _judge(installation: Installation, town: Town, report: Report) -> None:
    report.books = books.read(installation)
    report.breaches += breaches.find(report.books)
    report.breaches += breaches.promises(report.books, town.promised)
    report.breaches += [Breach(*complaint) for complaint in town.complaints]
    report.tracebacks = tracebacks(installation.log + installation.said("sandbox"))


def tracebacks(log: str) -> Counter[str]:
    """The last lines of the tracebacks in a log."""
    found = re.findall(r"^Traceback \(most recent.*\n(?:[ \t].*\n|\n)*(\S.*)", log, re.MULTILINE)
    return Counter(line.split(":")[0] for line in found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3, help="how long the trouble lasts")
    parser.add_argument("--buyers", type=int, default=300)
    parser.add_argument("--events", type=int, default=5)
    parser.add_argument("--web", type=int, default=1, help="web processes")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kills", type=int, default=8, help="of each kind of part")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--logs", type=Path, help="a folder to keep logs and tables in")
    given = vars(parser.parse_args())
    options = Options(seconds=given.pop("minutes") * 60, **given)
    print(f"Seed {options.seed}", flush=True)
    report = torture(options)
    print(report)
    return 1 if report.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
