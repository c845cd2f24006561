"""The doctor's checks against a real Stripe (the sandbox), mail server, web side and database."""

import asyncio
import dataclasses
import io
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from inscrit import config, direct, ports
from inscrit.api.models import Role
from inscrit.backoffice import list_of
from inscrit.doctor import canary, clocks, database, disk, examination, mail, ping, stripe, work
from inscrit.doctor.finding import Finding, State
from inscrit.doctor.models import SetUp
from inscrit.payments import stripe_gateway
from inscrit.people import roles
from inscrit.sandbox import errors
from inscrit.webhooks import fetching
from inscrit.webhooks.endpoints import EVENTS
from inscrit.webhooks.models import StripeEvent

from .account import Account, reconcile, register
from .desk import organiser, reader, text_of
from .mailserver import mail_server
from .running_lane import SECRET, RunningLane, running

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def settings(**said: Any) -> config.Config:
    return dataclasses.replace(config.current(), **said)


def named(findings: list[Finding], name: str) -> Finding:
    return next(one for one in findings if one.name == name)


def at_stripe(**said: Any) -> list[Finding]:
    return asyncio.run(stripe.look(settings(public_url="https://example.org", **said)))


def endpoint(account: Account, **said: Any) -> dict[str, Any]:
    form = {
        "url": "https://example.org/stripe/webhooks",
        "api_version": stripe_gateway.api_version(),
        **{f"enabled_events[{n}]": event for n, event in enumerate(EVENTS)},
    }
    return account.post("webhook_endpoints", form | said)


# Stripe


def test_a_good_endpoint_is_in_order(account: Account) -> None:
    endpoint(account)
    found = at_stripe()
    assert [one for one in found if one.state is not State.OK] == []
    assert "Simulated account" in named(found, "stripe").what
    assert named(found, "stripe_clock").state is State.OK


def test_no_endpoint_with_our_address(account: Account) -> None:
    for _ in range(2):
        endpoint(account, url="https://elsewhere.org/stripe/webhooks")
    found = named(at_stripe(), "webhook_endpoint")
    assert found.state is State.ERROR
    assert found.what.count("https://elsewhere.org") == 1
    assert "inscrit stripe setup --url https://example.org" in found.mend


def test_an_endpoint_that_is_switched_off(account: Account) -> None:
    made = endpoint(account)
    account.post(f"webhook_endpoints/{made['id']}", {"disabled": "true"})
    assert named(at_stripe(), "webhook_endpoint").state is State.ERROR


def test_a_missing_event_another_version_and_a_second_endpoint(account: Account) -> None:
    endpoint(account, api_version="2024-06-20")
    endpoint(account, api_version="2024-06-20", **{"enabled_events[0]": "customer.created"})
    found = at_stripe()
    assert named(found, "webhook_events").state is State.ERROR
    assert EVENTS[0] in named(found, "webhook_events").what
    assert "2024-06-20" in named(found, "webhook_version").what
    assert named(found, "webhook_doubled").state is State.WARNING


def test_a_live_key_and_a_test_endpoint(account: Account) -> None:
    endpoint(account)
    found = at_stripe(stripe_secret_key="sk_live_x")
    assert named(found, "webhook_mode").state is State.ERROR


def test_stripe_that_does_not_answer(account: Account) -> None:
    account.break_down(kind="error", path="/v1/account")
    (found,) = at_stripe()
    assert (found.name, found.state) == ("stripe", State.ERROR)
    assert "can’t be reached" in found.what


def test_a_key_that_stripe_refuses(account: Account) -> None:
    account.break_down(kind="error", path="/v1/account", status=401)
    (found,) = at_stripe()
    assert "refuses our key" in found.what
    assert "rolled" in found.mend


def test_deliveries_that_all_fail_are_told_although_the_events_are_fetched(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong signing secret looks like this: payments are confirmed, a quarter of an hour late."""
    monkeypatch.setattr(stripe, "UNDELIVERED_UNTIL", timedelta(0))
    endpoint(account)
    account.pay(register())
    for _ in ("before", "after"):
        found = named(at_stripe(), "undelivered")
        assert found.state is State.ERROR
        assert "400" in found.mend
        reconcile()
    delivered = StripeEvent.objects.order_by("created")[0]
    delivered.pk, delivered.secret, delivered.received_at = "evt_later", "a secret", timezone.now()
    delivered.save(force_insert=True)
    assert named(at_stripe(), "undelivered").state is State.OK
    StripeEvent.objects.filter(secret=fetching.SOURCE).delete()
    assert named(at_stripe(), "undelivered").state is State.WARNING


def test_an_outage_of_many_pages_is_told_though_its_first_event_came(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "UNDELIVERED_UNTIL", timedelta(0))
    monkeypatch.setattr(stripe_gateway, "PAGE", 1)
    endpoint(account)
    account.pay(register())
    reconcile()
    assert StripeEvent.objects.count() > 1
    for first in StripeEvent.objects.all():  # whichever Stripe names first
        StripeEvent.objects.update(secret=fetching.SOURCE)
        StripeEvent.objects.filter(pk=first.pk).update(
            secret="a secret", received_at=timezone.now() - timedelta(hours=1)
        )
        assert named(at_stripe(), "undelivered").state is State.ERROR


def restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox knows no restricted keys: https://docs.stripe.com/keys/restricted-api-keys"""

    def refuse(status: int) -> errors.StripeError:
        said = "The provided key does not have the required permissions for this endpoint."
        return errors.StripeError(said, status=status, kind="invalid_request_error")

    monkeypatch.setattr(errors, "server_error", refuse)


@pytest.mark.parametrize("late", [0, 120])
def test_a_key_that_may_not_read_the_account_compares_the_clock_all_the_same(
    account: Account, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """It is the key that the guide recommends, and a refusal tells the time as well."""
    restricted(monkeypatch)
    monkeypatch.setattr(clocks, "datetime", Late(late))
    account.break_down(kind="error", path="/v1/account", status=403)
    endpoint(account)
    found = at_stripe()
    assert named(found, "stripe").state is State.OK
    assert named(found, "stripe_clock").state is (State.ERROR if late else State.OK)


@dataclasses.dataclass
class Late:
    """This machine's clock."""

    seconds: int

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) - timedelta(seconds=self.seconds)


def test_without_a_key_stripe_is_not_asked() -> None:
    (found,) = at_stripe(stripe_secret_key=None)
    assert found.state is State.SKIPPED


# The ping


@pytest.fixture
def lane() -> Iterator[RunningLane]:
    here = settings(database_url=direct.address(), stripe_webhook_secrets=(SECRET,))
    with running(here, io.StringIO()) as door:
        yield door


def pinged(port: int, *secrets: str, path: str = "") -> Finding:
    url = f"http://127.0.0.1:{port}{path}"
    found = asyncio.run(ping.look(settings(public_url=url, stripe_webhook_secrets=secrets)))
    return named(found, "ping")


def test_a_ping_goes_the_whole_way_and_leaves_nothing(lane: RunningLane) -> None:
    assert pinged(lane.port, SECRET).state is State.OK
    assert not StripeEvent.objects.exists()


def test_the_web_side_has_another_secret(lane: RunningLane) -> None:
    found = pinged(lane.port, "whsec_new_one")
    assert found.state is State.ERROR
    assert "another webhook secret" in found.what


def test_one_of_two_secrets_is_not_known_yet(lane: RunningLane) -> None:
    assert pinged(lane.port, SECRET, "whsec_new_one").state is State.ERROR


def test_nobody_answers_at_the_public_address() -> None:
    assert "can’t be reached" in pinged(ports.free(), SECRET).what


class Answering(BaseHTTPRequestHandler):
    """Something in front that answers by itself."""

    answer = (200, "")

    def do_POST(self) -> None:
        status, location = self.answer
        self.send_response(status)
        self.send_header("location", location)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (301, "https://elsewhere.org"),
        (404, "does not let webhooks pass"),
        (401, "does not let webhooks pass"),
        (503, "503"),
        (502, "502"),
        (200, "did not arrive in this database"),
    ],
)
def test_what_stands_in_front_is_told(status: int, said: str) -> None:
    handler = type("It", (Answering,), {"answer": (status, "https://elsewhere.org")})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        found = pinged(server.server_port, SECRET)
    assert found.state is State.ERROR
    assert said in found.what
    assert found.mend


@pytest.mark.parametrize(("days", "state"), [(90, State.OK), (10, State.WARNING), (1, State.ERROR)])
def test_a_certificate_that_ends_soon(tmp_path: Path, days: int, state: State) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
         "-days", str(days), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(cert, key)
    ours = ssl.create_default_context(cafile=str(cert))
    with HTTPServer(("localhost", 0), Answering) as server:
        server.socket = theirs.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://localhost:{server.server_port}"
        trusted = asyncio.run(ping.certificate(url, ours))
        unknown = asyncio.run(ping.certificate(url))
        server.shutdown()
    assert trusted.state is state
    assert unknown.state is State.ERROR
    assert "not good" in unknown.what


# Mail


def mailed(url: str, sender: str = "School <desk@example.org>") -> Finding:
    (found,) = mail.look(settings(email_url=url, default_from_email=sender))
    return found


def test_a_mail_server_that_takes_our_sender_is_sent_nothing() -> None:
    with mail_server() as server:
        assert mailed(f"smtp://127.0.0.1:{server.port}").state is State.OK
        assert server.taken == []


def test_mail_that_goes_nowhere() -> None:
    assert "can’t be reached" in mailed(f"smtp://127.0.0.1:{ports.free()}").what
    assert mailed("console:").state is State.WARNING


def test_a_mail_server_that_speaks_no_tls_and_wants_no_login() -> None:
    with mail_server() as server:
        found = mailed(f"smtp://127.0.0.1:{server.port}?tls=1")
        assert "587" in found.mend
        found = mailed(f"smtp://user:s3cretpassword@127.0.0.1:{server.port}")
    assert found.state is State.ERROR
    assert "s3cretpassword" not in repr(found)


# The database and the work


def test_the_database_is_in_order() -> None:
    found = database.look(settings())
    assert [one for one in found if one.state is not State.OK] == []


def test_a_database_that_takes_no_writes_is_told() -> None:
    assert named(database.look(settings()), "database_writes").state is State.OK
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        found = named(database.look(settings()), "database_writes")
        cursor.execute("SET default_transaction_read_only = off")
    assert found.state is State.ERROR
    assert "default_transaction_read_only" in found.mend


def test_a_standby_is_told_with_the_address_that_finds_the_primary() -> None:
    found = database.writes(read_only=True, standby=True)
    assert found.state is State.ERROR
    assert "standby" in found.what
    assert "target_session_attrs=read-write" in found.mend


def test_a_missing_migration_is_told() -> None:
    with connection.cursor() as cursor:
        forgotten = "UPDATE django_migrations SET app = %s WHERE app = %s"
        cursor.execute(forgotten, ["forgotten", "watchdog"])
        found = named(database.look(settings()), "migrations")
        cursor.execute(forgotten, ["watchdog", "forgotten"])
    assert found.state is State.ERROR
    assert "inscrit migrate" in found.mend


def test_a_newer_postgresql_is_a_warning_and_stops_no_other_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "NEWEST", 1)
    found = asyncio.run(examination.thorough(settings(stripe_secret_key=None)))
    assert named(found, "database").state is State.WARNING
    assert "no Stripe key" in named(found, "stripe").what
    assert {"certificate", "ping"} <= {one.name for one in found}


def test_a_database_that_does_not_answer_is_told_in_its_own_words() -> None:
    nowhere = settings(database_url="postgresql://u:pw12345@127.0.0.1:1/x")
    (found,) = examination.of_the_database(nowhere)
    assert "refused" in found.what
    assert "pw12345" not in repr(found)


@pytest.fixture
def no_worker() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
        cursor.execute("DELETE FROM procrastinate_workers")
        yield
        cursor.execute("DELETE FROM procrastinate_jobs")
        cursor.execute("DELETE FROM procrastinate_workers")


def sql(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)


def test_a_worker_that_lives_and_one_that_died(no_worker: None) -> None:
    assert named(work.look(settings()), "worker").what == "No worker is running."
    sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    assert "the last one was seen" in named(work.look(settings()), "worker").what
    for _side in range(2):
        sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
        found = named(work.look(settings()), "worker")
        assert (found.state, found.what) == (State.OK, "1 worker is at work.")


def test_work_that_waits_too_long(no_worker: None) -> None:
    job = "INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at) VALUES"
    sql(f"{job} ('mail', 'x', now() + interval '1 day')")
    assert named(work.look(settings()), "jobs").state is State.OK
    sql(f"{job} ('mail', 'x', now() - interval '20 minutes')")
    found = named(work.look(settings()), "jobs")
    assert found.state is State.ERROR
    assert "20 minutes" in found.what


def test_the_disk_of_an_embedded_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert disk.look(settings(data_dir=tmp_path))[0].state is State.SKIPPED
    (tmp_path / "postgresql").mkdir()
    monkeypatch.setattr(disk, "LEAST", 10**18)
    assert disk.look(settings(data_dir=tmp_path))[0].state is State.ERROR


# The canary


def test_a_canary_never_sings_with_a_live_key() -> None:
    found = asyncio.run(canary.look(settings(stripe_secret_key="sk_live_x"), []))
    assert found.state is State.ERROR


# The admin's page


def test_the_page_tells_what_is_wrong_first_and_the_button_checks_everything(
    account: Account, no_worker: None
) -> None:
    desk = organiser()
    page = text_of(desk.get(list_of(SetUp)))
    assert "No worker is running." in page
    assert page.index("No worker is running.") < page.index("PostgreSQL")
    assert "Simulated account" not in page
    assert "Simulated account" in text_of(desk.post(list_of(SetUp)))


def test_the_first_page_has_a_red_line_for_whoever_may_see_it(no_worker: None) -> None:
    page = text_of(organiser("fr").get("/admin/"))
    assert "Aucun worker" in page
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_event"))
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(clerk)
    assert "No worker" not in text_of(desk.get("/admin/"))
    assert desk.get(list_of(SetUp)).status_code == 403
    assert desk.post(list_of(SetUp)).status_code == 403


def test_whoever_only_reads_may_look_and_sends_nothing() -> None:
    desk = reader()
    page = desk.get(list_of(SetUp))
    assert page.status_code == 200
    assert "Check everything" not in text_of(page)
    assert desk.post(list_of(SetUp)).status_code == 403


@pytest.mark.parametrize(
    ("role", "may"), [("organiser", True), ("secretary", True), ("readonly", False)]
)
def test_whoever_may_change_things_checks_everything(
    account: Account, no_worker: None, role: str, may: bool
) -> None:
    roles.keep_right()
    user = User.objects.create_user(role, password="x")
    roles.give(user, Role(role))
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(user)
    assert ("Check everything" in text_of(desk.get(list_of(SetUp)))) is may
    assert desk.post(list_of(SetUp)).status_code == (200 if may else 403)
