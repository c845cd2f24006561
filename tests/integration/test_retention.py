"""Every night what has had its time is forgotten, and nothing else."""

import json
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from inscrit.mail.models import Message, Sending
from inscrit.registrations.models import IdempotencyKey
from inscrit.retention import services
from inscrit.retention.models import Purge
from inscrit.webhooks.models import StripeEvent

from .desk import listed, organiser
from .test_audit import make_event, register

pytestmark = pytest.mark.django_db(transaction=True)


def event(event_id: str, days: int) -> StripeEvent:
    body = {
        "id": event_id, "object": "event", "type": "x", "created": 1, "livemode": False,
        "data": {"object": {"id": "cus_1", "name": "Camille Martin"}},
    }  # fmt: skip
    return StripeEvent.objects.create(
        id=event_id,
        type="x",
        created=timezone.now(),
        livemode=False,
        outcome="ignored",
        payload=json.dumps(body),
        secret="x",
        duration_us=1,
        received_at=timezone.now() - timedelta(days=days),
    )


def test_old_bodies_lose_the_person_and_young_ones_keep_everything() -> None:
    old, young = event("evt_old", 401), event("evt_young", 399)
    assert services.purge().counts["stripe_events"] == 1
    old.refresh_from_db()
    young.refresh_from_db()
    assert "Camille" not in old.payload
    assert "cus_1" in old.payload
    assert "Camille" in young.payload
    assert services.purge().counts["stripe_events"] == 0


def test_a_later_purge_goes_on_where_the_last_one_ended() -> None:
    services.purge()
    event("evt_since", 400)
    StripeEvent.objects.update(received_at=timezone.now() - timedelta(days=400, minutes=1))
    assert services.purge().counts["stripe_events"] == 1


def test_keys_sessions_failed_jobs_and_alerts_are_forgotten_in_their_time() -> None:
    now = timezone.now()
    registration = register(make_event())
    for key, hours in {"old": 25, "young": 1}.items():
        IdempotencyKey.objects.create(key=key, fingerprint="f", registration=registration)
        IdempotencyKey.objects.filter(pk=key).update(created_at=now - timedelta(hours=hours))
        Session.objects.create(
            session_key=key, session_data="", expire_date=now + timedelta(hours=24 - hours)
        )
        Message.objects.create(
            kind="organiser_alert",
            key=key,
            context={"subject": "Mails", "text": "camille@example.org"},
            recipient="desk@example.org",
            locale="fr",
            state="sent",
            created_at=now - timedelta(days=hours * 17),
        )
    jobs("failed", 40, 5)
    jobs("todo", 40)
    counts = services.purge().counts
    assert counts == {
        "stripe_events": 0, "alerts": 1, "letters": 0, "idempotency_keys": 1, "jobs": 1,
        "sessions": 1,
    }  # fmt: skip
    assert [key.pk for key in IdempotencyKey.objects.all()] == ["young"]
    assert Message.objects.get(key="old").context == {"subject": "Mails"}
    assert "1 texts of alerts" in listed(organiser(), Purge)
    forget_jobs()


def test_letters_as_they_were_sent_are_forgotten_and_that_they_were_sent_is_not() -> None:
    message = Message.objects.create(
        kind="confirmed",
        registration=register(make_event()),
        recipient="camille@example.org",
        locale="fr",
        state="sent",
    )
    for days in (401, 399):
        at = timezone.now() - timedelta(days=days)
        Sending.objects.create(message=message, at=at, subject=f"{days}", recipient="c@example.org")
    assert services.purge().counts["letters"] == 1
    assert [letter.subject for letter in Sending.objects.all()] == ["399"]
    assert Message.objects.get().state == "sent"


def jobs(status: str, *ages: int) -> None:
    with connection.cursor() as cursor:
        for days in ages:
            cursor.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
                " VALUES ('x', 'retention test', %s::procrastinate_job_status) RETURNING id",
                [status],
            )
            (job,) = cursor.fetchone() or (0,)
            cursor.execute(
                "UPDATE procrastinate_events SET at = now() - make_interval(days => %s)"
                " WHERE job_id = %s",
                [days, job],
            )
            cursor.execute(
                "INSERT INTO procrastinate_events (job_id, type, at)"
                " VALUES (%s, 'failed', now() - make_interval(days => %s))",
                [job, days],
            )


def forget_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'retention test'")
