"""A comparison from its beginning to its end: paging, limits, breaking off, never two at once."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from inscrit import direct, ports
from inscrit.payments import checkout, stripe_gateway
from inscrit.reconciliation import report, services, tasks
from inscrit.reconciliation.lock import LOCK, AlreadyRunning
from inscrit.reconciliation.models import ReconciliationRun
from inscrit.reconciliation.services import BrokenOff
from inscrit.registrations.models import Registration
from inscrit.webhooks import notification
from inscrit.webhooks.committer import Committer
from inscrit.webhooks.inbox import Received

from .account import Account, long_ago, make_event, reconcile, register
from .conftest import Setting, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)


def kinds(done: services.Reconciliation) -> list[str]:
    return [str(finding.kind) for finding in done.findings]


def status(registration: Registration) -> str:
    registration.refresh_from_db()
    return str(registration.status)


def cursors() -> dict[str, str]:
    found: dict[str, str] = ReconciliationRun.objects.latest("pk").cursors
    return found


def test_more_than_a_page_of_everything_is_looked_at(account: Account) -> None:
    first = register()
    account.pay(first)
    for number in range(230):
        account.session_of_somebody(client_reference_id=f"order-{number}")
    last = register()
    account.pay(last)
    for _ in range(105):
        account.refund(first, amount=1)
    done = reconcile()
    assert done.run.checked["sessions"] == 232
    assert done.run.checked["refunds"] == 105
    assert sorted(kinds(done)) == ["payment_missed", "payment_missed", "refund_missed"]
    assert (status(first), status(last)) == ("PAID", "PAID")
    assert first.amount_refunded == 105
    assert kinds(reconcile()) == []


def test_stripes_rate_limits_are_respected(stripe_at: Callable[[str], None]) -> None:
    with running_sandbox(rate_limits=True) as origin:
        stripe_at(origin)
        account = Account(origin)
        registration = register()
        account.pay(registration)
        account.break_down(kind="rate_limit", path="/v1/checkout/sessions", remaining=2)
        account.break_down(kind="rate_limit", path="/v1/refunds", remaining=1)
        assert kinds(reconcile()) == ["payment_missed"]
    assert status(registration) == "PAID"


@pytest.mark.parametrize("path", ["/v1/events", "/v1/checkout/sessions", "/v1/disputes"])
def test_if_stripe_fails_half_way_the_rest_is_taken_up_by_the_next_run(
    account: Account, path: str
) -> None:
    reconcile()
    before = cursors()
    paid, abandoned = register(), register()
    account.pay(paid)
    account.expire(abandoned)
    account.break_down(kind="error", path=path, status=503)
    with pytest.raises(BrokenOff, match="gave no answer"):
        reconcile()
    run = ReconciliationRun.objects.latest("pk")
    assert run.finished_at is None
    assert "gave no answer" in run.error
    moved = [kind for kind in before if run.cursors[kind] != before[kind]]
    order = list(services.KINDS)
    broken = {"/v1/events": "events", "/v1/checkout/sessions": "sessions"}.get(path, "disputes")
    assert set(moved) == set(order[: order.index(broken)])
    account.mend()
    reconcile()
    assert (status(paid), status(abandoned)) == ("PAID", "EXPIRED")
    assert paid.messages.filter(kind="confirmed").count() == 1
    told = [one for each in ReconciliationRun.objects.all() for one in each.differences.items()]
    assert sorted(told) == [("expiry_missed", 1), ("payment_missed", 1)]


def test_without_stripe_nothing_is_compared(
    account: Account, stripe_at: Callable[[str], None]
) -> None:
    registration = register()
    long_ago(registration)
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    with pytest.raises(BrokenOff):
        reconcile()
    assert cursors() == {}
    assert status(registration) == "PENDING"


def test_two_never_compare_at_once(account: Account) -> None:
    with psycopg.connect(direct.address(), autocommit=True) as somebody:
        somebody.execute(LOCK)
        with pytest.raises(AlreadyRunning):
            reconcile()
        async_to_sync(tasks.reconcile_what_is_new.func)(0)
    assert not ReconciliationRun.objects.exists()
    reconcile()
    assert ReconciliationRun.objects.count() == 1


def test_a_comparison_that_broke_off_leaves_no_lock(account: Account) -> None:
    account.break_down(kind="error", path="/v1/events", status=503)
    with pytest.raises(BrokenOff):
        reconcile()
    account.mend()
    assert reconcile().findings == []


def test_webhooks_returns_and_reconciliation_at_once_send_one_confirmation(
    account: Account,
) -> None:
    """All that can report a payment does so at the same moment, each of them twice."""
    account.post("webhook_endpoints", {"url": "http://127.0.0.1:9/", "enabled_events[]": "*"})
    event = make_event()
    everybody = [register(event) for _ in range(8)]
    for registration in everybody:
        account.pay(registration)
    bodies = [json.dumps(one) for one in account.get("events", limit=100)["data"]]

    async def webhooks() -> None:
        committer = Committer(direct.address(), livemode=False)
        await committer.start()
        received = [
            Received(notification.read(body), body, "secret", time.perf_counter())
            for body in bodies
        ]
        await asyncio.gather(*map(committer.commit, [*received, *received]))
        await committer.stop()

    async def reconciling() -> None:
        try:
            await services.reconcile()
        except AlreadyRunning:
            await services.reconcile(timedelta(hours=1), dry_run=True)

    async def all_at_once() -> None:
        returns = [checkout.confirm_return(one.pk) for one in everybody]
        await asyncio.gather(reconciling(), webhooks(), *returns, return_exceptions=False)

    async_to_sync(all_at_once)()
    reconcile()
    for registration in everybody:
        assert status(registration) == "PAID"
        assert registration.messages.filter(kind="confirmed").count() == 1
        assert registration.journal.filter(from_status="PENDING", to_status="PAID").count() == 1
    event.refresh_from_db()
    assert (event.confirmed, event.held) == (8, 0)
    assert reconcile().findings == []


def test_a_short_look_leaves_the_cursor_where_it_was(account: Account) -> None:
    reconcile()
    run = ReconciliationRun.objects.latest("pk")
    five_days_ago = (timezone.now() - timedelta(days=5)).isoformat()
    run.cursors = dict.fromkeys(run.cursors, five_days_ago)
    run.save()
    reconcile(timedelta(hours=1))
    assert set(cursors().values()) == {five_days_ago}
    reconcile(timedelta(days=6))
    assert five_days_ago not in cursors().values()


def test_the_first_comparison_looks_back_a_month(account: Account) -> None:
    done = reconcile()
    age = done.run.started_at - done.run.since
    assert timedelta(days=30) <= age < timedelta(days=31)
    assert reconcile().run.started_at - reconcile().run.since < timedelta(hours=3)


def test_quiet_runs_are_forgotten_and_those_that_count_are_kept(account: Account) -> None:
    registration = register()
    account.pay(registration)
    reconcile()
    reconcile()
    ReconciliationRun.objects.update(started_at=timezone.now() - timedelta(days=8))
    reconcile()
    kept = ReconciliationRun.objects.order_by("pk")
    assert [run.differences for run in kept] == [{"payment_missed": 1}, {}]


def test_runs_that_only_found_what_was_known_are_forgotten(account: Account) -> None:
    """Else one lasting difference would keep a hundred runs a day, which each scrape adds up."""
    long_since = timezone.now() - timedelta(days=8)
    known = {"kind": "unknown_payment", "subject": "pi_1", "result": "open"}
    ReconciliationRun.objects.create(started_at=long_since, since=long_since, findings=[known])
    reconcile()
    assert ReconciliationRun.objects.filter(started_at=long_since).count() == 0


def test_the_job_tells_the_log_of_each_difference_and_of_all(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    registration = register()
    account.pay(registration)
    async_to_sync(tasks.reconcile_what_is_new.func)(0)
    lines = capsys.readouterr().out.splitlines()
    (difference,) = [line for line in lines if line.startswith("🔍 Difference")]
    assert difference.startswith("🔍 Difference: payment_missed")
    assert registration.pk in difference
    assert any(line.startswith("🔍 Reconciliation: 1 differences, 1 healed") for line in lines)
    assert registration.contact_email not in "".join(lines)


def test_the_job_tells_in_one_line_that_stripe_gave_no_answer(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.break_down(kind="error", path="/v1/events", status=503)
    async_to_sync(tasks.reconcile_what_is_new.func)(0)
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("🔍")]
    assert line.startswith("🔍 Reconciliation broken off")
    assert "Traceback" not in said


def test_every_night_a_whole_month_is_looked_at(account: Account) -> None:
    reconcile()
    async_to_sync(tasks.reconcile_a_month.func)(0)
    run = ReconciliationRun.objects.latest("pk")
    assert run.started_at - run.since == timedelta(days=30)


def test_without_a_stripe_key_there_is_nothing_to_compare_with(
    account: Account, setting: Setting
) -> None:
    setting(STRIPE_SECRET_KEY=None)
    async_to_sync(tasks.reconcile_what_is_new.func)(0)
    assert not ReconciliationRun.objects.exists()


def test_a_person_reads_each_difference_in_a_line_and_a_program_the_same(
    account: Account,
) -> None:
    registration = register()
    intent = account.pay(registration)
    done = reconcile()
    text = report.as_text(done)
    (line,) = [line for line in text.splitlines() if registration.pk in line]
    assert line.strip() == (
        f"{registration.pk}: Stripe has a payment that was not recorded here. At Stripe: complete,"
        f" paid, €12.50 ({intent['id']}). Here: PENDING. Put right (PENDING → PAID, payment"
        f" {intent['id']} succeeded, mail confirmed)."
    )
    assert "🔍 Reconciliation: 1 differences, 1 healed" in text
    data = json.loads(json.dumps(report.as_data(done)))
    assert data["differences"] == {"payment_missed": 1}
    assert (data["healed"], data["for_a_person"], data["dry_run"]) == (1, 0, False)
    (told,) = data["findings"]
    assert told["registration"] == registration.pk
    assert told["stripe"] == {"status": "complete", "paid": True, "amount": 1250, "currency": "eur"}
    assert told["text"] == line.strip()
    assert registration.contact_email not in text + json.dumps(data)
    with translation.override("fr"):
        assert "12,50" in done.findings[0].as_text()


def test_an_organiser_sees_the_comparisons_and_what_they_found(account: Account) -> None:
    registration = register()
    account.pay(registration)
    Registration.objects.update(amount=999)
    reconcile()
    run = ReconciliationRun.objects.latest("pk")
    reconcile()
    desk = Client(headers={"accept-language": "en"})
    desk.force_login(User.objects.create_superuser("marie", "marie@example.org", "x"))
    listed = reverse("admin:reconciliation_reconciliationrun_changelist")
    assert desk.get(listed).context["cl"].result_count == 2
    for query in ({"found": "any"}, {"found": "person"}):
        page = desk.get(listed, query)
        assert [one.pk for one in page.context["cl"].result_list] == [run.pk]
    page = desk.get(reverse("admin:reconciliation_reconciliationrun_change", args=[run.pk]))
    text = page.content.decode()
    assert "does not fit the registration" in text
    assert reverse("admin:registrations_registration_change", args=[registration.pk]) in text
    assert 'name="_save"' not in text
    quiet = ReconciliationRun.objects.latest("pk")
    page = desk.get(reverse("admin:reconciliation_reconciliationrun_change", args=[quiet.pk]))
    assert "Nothing differs." in page.content.decode()
    assert desk.get(reverse("admin:reconciliation_reconciliationrun_add")).status_code == 403


def unknown(account: Account, number: int) -> None:
    tag = {"metadata[registrationId]": f"reg-2nobody{number}"}
    session = account.session_of_somebody(**tag)
    account.control(f"/sessions/{session['id']}/pay")


def alerts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        "inscrit.mail.services.alert", lambda *said: told.append(said), raising=False
    )
    return told


def test_the_organiser_is_told_once_of_what_needs_a_person(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = alerts(monkeypatch)

    def look() -> None:
        async_to_sync(tasks.reconcile_what_is_new.func)(0)

    account.pay(register())
    look()
    assert told == []
    unknown(account, 1)
    look()
    look()
    ((_, subject, text),) = told
    assert "Stripe" in subject
    assert "reg-2nobody1" in text
    for number in range(2, 25):
        unknown(account, number)
    look()
    assert len(told) == 2
    assert told[1][0] != told[0][0]
    assert "reg-2nobody1 " not in told[1][2]


PACE = 0.0173


def test_what_is_listed_is_read_at_an_unhurried_pace(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_gateway, "PACE_SECONDS", PACE)
    waited: list[float] = []
    sleep = asyncio.sleep

    async def counting(seconds: float, *result: Any) -> Any:
        waited.append(seconds)
        return await sleep(seconds, *result)

    monkeypatch.setattr(asyncio, "sleep", counting)
    reconcile()
    assert waited.count(PACE) == 5
