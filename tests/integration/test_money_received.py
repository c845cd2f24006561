"""What came of a registration's money is told alike by the object and by the database."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inscrit.payments import received
from inscrit.payments.models import Dispute, Payment
from inscrit.registrations.models import Received, Registration

from .test_audit import make_event

pytestmark = pytest.mark.django_db

AMOUNTS = st.sampled_from([500, 600, 900])
CURRENCIES = st.sampled_from(["eur", "eur", "chf"])


@st.composite
def payments(draw: st.DrawFn) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 3))):
        amount = draw(AMOUNTS)
        made.append(
            {
                "key": f"pi_{number}",
                "amount": amount,
                "currency": draw(CURRENCIES),
                "status": draw(st.sampled_from(["processing", "succeeded", "failed"])),
                "refunded": draw(st.integers(0, amount)),
                "settles": False,
            }
        )
    good = [one for one in made if one["status"] != "failed"]
    settling = draw(st.integers(0, 5))
    if settling < len(good):
        good[settling]["settles"] = True
    return made


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payments(),
    st.sampled_from(["stripe", "cheque"]),
    st.booleans(),
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["won", "lost"]), AMOUNTS), max_size=2),
)
def test_the_database_and_the_object_tell_the_same(
    made: list[dict[str, Any]],
    method: str,
    was_paid: bool,
    refunded: int,
    disputes: list[tuple[int, str, int]],
) -> None:
    for model in (Dispute, Payment, Registration):
        model.objects.all().delete()
    registration = Registration.objects.create(
        event=make_event(),
        status="CANCELLED",
        contact_email="a@example.org",
        locale="fr",
        payment_method=method,
        places=1,
        amount=500,
        amount_refunded=refunded,
        currency="eur",
        paid_at=timezone.now() if was_paid else None,
    )
    Payment.objects.bulk_create(Payment(registration=registration, **one) for one in made)
    for number, (which, status, amount) in enumerate(disputes):
        if which < len(made):
            key = made[which]["key"]
            Dispute.objects.create(id=f"dp_{number}", payment_id=key, status=status, amount=amount)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM inscrit_received(%s)", [registration.pk])
        (told,) = cursor.fetchall()
    assert Received(*told) == registration.received
    summed = Registration.objects.annotate(kept=received.kept(), money_in=received.currency())
    assert summed.values_list("kept", "money_in").get() == (
        registration.received.kept,
        registration.received.currency,
    )
