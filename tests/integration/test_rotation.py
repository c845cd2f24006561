"""Two signing secrets side by side: which one verified, and what the desk says of each."""

import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from stripe import WebhookSignature

from inscrit import config, direct
from inscrit.monitoring import metrics
from inscrit.webhooks.committer import Committer
from inscrit.webhooks.intake import Intake
from inscrit.webhooks.models import StripeEvent
from inscrit.webhooks.signature import secrets

from .desk import listed, organiser
from .test_admin_inbox import stored

pytestmark = pytest.mark.django_db(transaction=True)
NEW, OLD = "whsec_rotation_new", "whsec_rotation_old"
NEW_MARK, OLD_MARK = (one.fingerprint for one in secrets([NEW, OLD]))


@pytest.fixture
def both_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(config.current(), stripe_webhook_secrets=(NEW, OLD))
    monkeypatch.setattr(config, "current", lambda: settings)


def come(event_id: str, secret: str, **ago: int) -> None:
    """An event that this secret verified, so long ago."""
    at = timezone.now() - timedelta(**ago)
    stored("customer.created", {"id": "cus_1"}, id=event_id, secret=secret, received_at=at)


def count_of(text: str, mark: str) -> float:
    name = f'inscrit_webhook_verified_total{{secret="{mark}"}} '
    return next(float(line[len(name) :]) for line in text.splitlines() if line.startswith(name))


@async_to_sync
async def deliver(*signers: str) -> list[int]:
    """One event for each, signed with that secret, to a lane that knows both."""
    committer = Committer(direct.address(), livemode=False)
    await committer.start()
    transport = httpx.ASGITransport(Intake(secrets([NEW, OLD]), committer))
    async with httpx.AsyncClient(transport=transport, base_url="http://lane") as client:
        answers = [
            await client.post("/stripe/webhooks", content=body, headers=signed(body, signer))
            for number, signer in enumerate(signers)
            for body in [notice(f"evt_rotation_{signer}_{number}")]
        ]
    await committer.stop()
    return [answer.status_code for answer in answers]


def notice(event_id: str) -> str:
    event = {"id": event_id, "object": "event", "type": "customer.created", "created": 1}
    customer = {"id": "cus_1", "object": "customer"}
    return json.dumps({**event, "livemode": False, "data": {"object": customer}})


def signed(body: str, secret: str) -> dict[str, str]:
    return {"stripe-signature": WebhookSignature.generate_signature_header(body, secret)}


def test_the_metrics_say_which_secret_verified() -> None:
    assert deliver(NEW) == [200]
    before = [count_of(metrics.exposition().decode(), mark) for mark in (NEW_MARK, OLD_MARK)]
    assert deliver(OLD, NEW, OLD, "whsec_unknown") == [200, 200, 200, 400]
    after = [count_of(metrics.exposition().decode(), mark) for mark in (NEW_MARK, OLD_MARK)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 2]


@pytest.mark.usefixtures("both_secrets")
def test_the_desk_keeps_an_old_secret_while_it_is_in_use() -> None:
    come("evt_1", NEW_MARK, minutes=50)
    come("evt_2", OLD_MARK, minutes=10)
    page = listed(organiser(), StripeEvent)
    assert f"{OLD_MARK} Still needed: keep it. 1 event in the last 24 hours (the last one: " in page
    assert "safe to remove" not in page


@pytest.mark.usefixtures("both_secrets")
def test_the_desk_says_when_an_old_secret_is_safe_to_remove() -> None:
    come("evt_1", OLD_MARK, minutes=90)
    come("evt_2", NEW_MARK, minutes=80)
    come("evt_3", NEW_MARK, minutes=1)
    page = listed(organiser(), StripeEvent)
    assert f"{NEW_MARK} The newest: keep it. 2 events in the last 24 hours" in page
    assert "No longer in use: it is safe to remove." in page
    assert "sans risque" in listed(organiser("fr"), StripeEvent)


@pytest.mark.usefixtures("both_secrets")
def test_a_secret_that_was_used_days_ago_is_safe_to_remove() -> None:
    come("evt_1", OLD_MARK, days=3)
    come("evt_2", NEW_MARK, minutes=1)
    page = listed(organiser(), StripeEvent)
    assert f"{OLD_MARK} No longer in use: it is safe to remove. 0 events in the last" in page


@pytest.mark.usefixtures("both_secrets")
def test_a_secret_that_never_counted_is_not_called_safe_to_remove() -> None:
    come("evt_1", NEW_MARK, minutes=1)
    page = listed(organiser(), StripeEvent)
    assert f"{OLD_MARK} Nothing came that it alone has signed. If it is the newest" in page
    assert "safe to remove" not in page


def test_the_desk_says_that_no_secret_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(config.current(), stripe_webhook_secrets=())
    monkeypatch.setattr(config, "current", lambda: settings)
    assert "STRIPE_WEBHOOK_SECRET is missing" in listed(organiser(), StripeEvent)
