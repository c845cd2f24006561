"""A real Prometheus reads a real installation of two web processes and a worker, after a story."""

import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from .conftest import publisher
from .installation import Installation, eventually, installed
from .prometheus import DEPLOY, TOKEN, Prometheus, program, running

DASHBOARD = DEPLOY / "grafana" / "dashboards" / "inscrit.json"
PAID, LAPSED, FORGED = 3, 1, 4
RETURNED = 500
MEMORY = "inscrit_process_resident_memory_bytes"
LOOK = "from inscrit.watchdog import services; services.watch()"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Prometheus]]:
    program("prometheus")
    with (
        installed(settings={"METRICS_TOKEN": TOKEN}, serve_options=("--workers", "2")) as it,
        running(tmp_path_factory.mktemp("p"), f"127.0.0.1:{it.site_port}") as prometheus,
    ):
        eventually(lambda: prometheus.query("inscrit_build_info"), "the first scrape")
        tell_a_story(it)
        yield it, prometheus


def tell_a_story(it: Installation) -> None:
    """Three pay, one of them gets some back, one lets the hold lapse, and webhooks are forged."""
    with it.organiser("prometheus") as organiser:
        event = publisher(organiser)()
        made = [it.register(event["id"]).json() for _ in range(PAID + LAPSED)]
        for one in made[:PAID]:
            it.pay(one)
            it.await_status(one, "PAID")
            it.await_mails(one)
        address = f"/api/v1/registrations/{made[0]['id']}/refund"
        assert organiser.post(address, json={"amount": RETURNED}).is_success
    sessions = it.stripe_object("checkout/sessions")["data"]
    (left,) = (one["id"] for one in sessions if one["status"] == "open")
    it.control(f"/sessions/{left}/expire")
    it.await_status(made[PAID], "EXPIRED")
    for number in range(FORGED):
        body = it.event_payload("customer.created", {"id": "cus_1"}, f"evt_forged_{number}")
        assert it.deliver(body, secret="whsec_forged").status_code == 400
    it.command("manage", "shell", "-c", LOOK)
    it.command("reconcile")


def value(prometheus: Prometheus, expression: str) -> float | None:
    for series in prometheus.query(expression):
        return float(series["value"][1])
    return None


def test_the_sums_over_two_processes_are_those_of_the_story(
    watched: tuple[Installation, Prometheus],
) -> None:
    _it, prometheus = watched
    expected = {
        "sum(inscrit_webhook_signature_failures_total)": FORGED,
        "sum(inscrit_paid_to_confirmed_seconds_count)": PAID,
        'sum(inscrit_stripe_events_total{type="checkout.session.completed"})': PAID,
        'sum(inscrit_stripe_events_total{type="payment_intent.succeeded"})': PAID,
        'sum(inscrit_stripe_events_total{type="checkout.session.expired",outcome="applied"})': (
            LAPSED
        ),
        'max(inscrit_payment_confirmations_total{result="confirmed"})': PAID,
        'max(inscrit_payment_confirmations_total{result="failed"})': 0,
        "max(inscrit_checkout_sessions_expired_total)": LAPSED,
        'max(inscrit_emails_total{kind="confirmed",result="sent"})': PAID,
        'max(inscrit_emails_total{kind="confirmed",result="failed"})': 0,
        'max(inscrit_money_received_total{currency="eur"})': PAID * 2 * 2500,
        'max(inscrit_money_returned_total{currency="eur"})': RETURNED,
        'sum(max by (reason) (inscrit_refunds_total{result="succeeded"}))': 1,
        'max(inscrit_registrations{status="PAID"})': PAID,
        'max(inscrit_places{state="confirmed"})': PAID * 2,
        "max(inscrit_stripe_events_unprocessed)": 0,
        "sum(max by (invariant) (inscrit_invariant_breaches))": 0,
        "count(inscrit_process_resident_memory_bytes)": 2,
        "max(inscrit_workers)": 1,
        "min(inscrit_database_up)": 1,
    }
    for expression, number in expected.items():
        eventually(
            lambda e=expression, n=number: value(prometheus, e) == n,  # type: ignore[misc]
            f"{expression} is {number}, not {value(prometheus, expression)}",
        )


def test_who_watches_is_counted_once_whichever_process_it_is(
    watched: tuple[Installation, Prometheus],
) -> None:
    it, prometheus = watched
    (event,) = it.web.get("/api/v1/events").json()["items"]
    with it.web.stream("GET", f"/api/v1/events/{event['id']}/places/stream"):
        eventually(lambda: value(prometheus, "sum(inscrit_live_watchers)") == 1, "one watches")
    eventually(lambda: value(prometheus, "sum(inscrit_live_watchers)") == 0, "nobody watches")


def targets() -> Iterator[Any]:
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", []):
            yield pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")


@pytest.mark.parametrize("expression", list(targets()))
def test_every_panel_of_the_dashboard_shows_something(
    watched: tuple[Installation, Prometheus], expression: str
) -> None:
    _it, prometheus = watched
    asked = expression.replace("$__rate_interval", "1m")
    eventually(lambda: prometheus.query(asked), f"{asked} yields something")


def test_every_row_of_the_dashboard_has_panels_and_no_two_panels_share_a_name() -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    names = [panel["title"] for panel in panels]
    assert len(names) == len(set(names))
    rows = [number for number, panel in enumerate(panels) if panel["type"] == "row"]
    assert all(after - before > 1 for before, after in zip(rows, [*rows[1:], 99], strict=True))


def test_the_dashboard_and_the_rules_know_only_metrics_that_are_explained() -> None:
    page = (DEPLOY.parent / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`(inscrit_\w+)", page))
    for path in (DASHBOARD, DEPLOY / "prometheus" / "rules.yml"):
        named = set(re.findall(r"\binscrit_[a-z_]+", path.read_text(encoding="utf-8")))
        told = {re.sub(r"_(bucket|count|sum)$", "", name) for name in named}
        assert told <= explained, path.name


def test_no_rule_is_wrong_and_forged_webhooks_raise_no_alert_while_stripes_come(
    watched: tuple[Installation, Prometheus],
) -> None:
    _it, prometheus = watched
    refused = "sum(increase(inscrit_webhook_signature_failures_total[1h])) > 3"
    eventually(lambda: prometheus.query(refused), "the forged webhooks are seen")
    seen = datetime.now(UTC)

    def looked_at() -> list[dict[str, Any]] | None:
        rules = prometheus.rules()
        last = (datetime.fromisoformat(rule["lastEvaluation"][:19] + "Z") for rule in rules)
        well = all(rule["health"] == "ok" for rule in rules)
        return rules if well and min(last) > seen else None

    rules = eventually(looked_at, "every rule is evaluated")
    assert [alert for rule in rules for alert in rule["alerts"]] == []


def test_the_folder_for_grafana_is_the_one_that_it_reads() -> None:
    provider = (DEPLOY / "grafana/provisioning/dashboards/inscrit.yml").read_text(encoding="utf-8")
    assert "/var/lib/grafana/dashboards" in provider
    source = Path(DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8")
    uids = set(re.findall(r'"uid": "([\w-]+)"', DASHBOARD.read_text(encoding="utf-8")))
    assert uids == {"inscrit", *re.findall(r"uid: (\S+)", source)}


def test_a_process_that_is_killed_takes_its_watchers_and_leaves_what_it_counted(
    watched: tuple[Installation, Prometheus],
) -> None:
    it, prometheus = watched
    (event,) = it.web.get("/api/v1/events").json()["items"]
    with it.web.stream("GET", f"/api/v1/events/{event['id']}/places/stream"):
        eventually(lambda: value(prometheus, "sum(inscrit_live_watchers)") == 1, "one watches")
        killed = [int(one["metric"]["pid"]) for one in prometheus.query(MEMORY)]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: value(prometheus, "sum(inscrit_live_watchers)") == 0, "nobody watches")
    eventually(lambda: value(prometheus, f"count({MEMORY})") == 2, "there are two again")
    assert value(prometheus, "sum(inscrit_webhook_signature_failures_total)") == FORGED
    assert value(prometheus, "sum(inscrit_paid_to_confirmed_seconds_count)") == PAID
