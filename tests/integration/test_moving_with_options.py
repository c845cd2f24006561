"""A family with price options goes to another event: its options and their counters go along."""

import pytest
from django.test import Client
from django.utils import translation

from inscrit.monitoring import audit
from inscrit.registrations import services
from inscrit.registrations.explanations import explain
from inscrit.registrations.lifecycle import CancelRequested, MarkedPaid
from inscrit.registrations.models import PaymentMethod, Registration

from .test_moving import move
from .test_price_options import make_event, order, price, tell

pytestmark = pytest.mark.django_db(transaction=True)


def family() -> Registration:
    event = make_event(capacity=9)
    adult, child = price(event, "Adulte", 1500), price(event, "Enfant", 800, 2)
    made = services.hold_places(order(event, adult, child, child, method=PaymentMethod.CHEQUE))
    return tell(made, MarkedPaid())


def test_options_of_the_same_name_and_price_take_over() -> None:
    registration = family()
    here = registration.event
    there = make_event(title="Kermesse", capacity=3)
    adult, child = price(there, "Adulte", 1500), price(there, "Enfant", 800, 2)
    assert move(registration, there).decision.reason == "moved"
    assert registration.option_places == {adult.pk: 1, child.pk: 2}
    seats = registration.participants.order_by("position").values_list("option", "price")
    assert list(seats) == [(adult.pk, 1500), (child.pk, 800), (child.pk, 800)]
    assert list(there.options.order_by("price").values_list("taken", flat=True)) == [2, 1]
    assert set(here.options.values_list("taken", flat=True)) == {0}
    assert audit.run().breaches == []
    tell(registration, CancelRequested(refund=True))
    assert set(there.options.values_list("taken", flat=True)) == {0}
    assert audit.run().breaches == []


@pytest.mark.parametrize(
    ("name", "amount", "active"),
    [("Fratrie", 800, True), ("Enfant", 700, True), ("Enfant", 800, False)],
)
def test_without_the_same_option_it_stays_and_the_reason_is_told(
    name: str, amount: int, active: bool
) -> None:
    registration = family()
    here, there = registration.event, make_event()
    price(there, "Adulte", 1500)
    other = price(there, name, amount)
    other.active = active
    other.save()
    reason = move(registration, there).decision.reason
    assert reason == "move_to_other_options"
    with translation.override("en"):
        assert "price option of the same name" in str(explain(reason).what)
    assert registration.event == here
    assert audit.run().breaches == []


def test_the_desk_offers_only_events_that_have_the_same_options(admin_client: Client) -> None:
    registration = family()
    same, full = make_event(title="Pareille"), make_event(title="Complète")
    for event, quota in ((same, None), (full, 1)):
        price(event, "Adulte", 1500)
        price(event, "Enfant", 800, quota)
    make_event(title="Sans tarifs", price=1500)
    address = f"/admin/registrations/registration/{registration.pk}/move/"
    page = admin_client.get(address).content.decode()
    assert "Pareille" in page
    assert "Complète" not in page
    assert "Sans tarifs" not in page
