"""The organisers look after other programs in the admin."""

import re

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse

from inscrit.backoffice import list_of
from inscrit.outgoing import secrets
from inscrit.outgoing.models import Delivery, Endpoint

from .desk import address, chosen, done, listed, organiser, reader, seen, text_of
from .receiver import Receiver, work
from .test_audit import make_event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


@pytest.fixture
def desk() -> Client:
    return organiser()


def add(desk: Client, url: str) -> str:
    answer = desk.post(
        reverse("admin:outgoing_endpoint_add"), {"url": url, "types": ["event.created"]}
    )
    return answer.content.decode()


def shown_secret(page: str) -> str:
    found = re.search(r'value="(whsec_[^"]+)"', page)
    assert found, page
    return found[1]


def test_an_endpoint_is_added_and_its_secret_shown_once(desk: Client, receiver: Receiver) -> None:
    secret = shown_secret(add(desk, receiver.url))
    make_event()
    async_to_sync(work)()
    (told,) = receiver.verified(secret)
    endpoint = Endpoint.objects.get()
    assert "whsec_" not in desk.get(list_of(Endpoint)).content.decode()
    page = seen(desk, endpoint)
    assert "whsec_" not in page
    assert "event.created" in page
    assert "200" in page
    delivery = Delivery.objects.get()
    assert "thank you" in seen(desk, delivery)
    assert told["id"] in seen(desk, delivery)


def test_an_address_inside_is_refused_with_a_reason(desk: Client) -> None:
    page = add(desk, "https://192.168.1.7/hooks")
    assert "private address" in page
    assert not Endpoint.objects.exists()


def test_a_new_secret_is_shown_and_the_old_one_still_signs(
    desk: Client, receiver: Receiver
) -> None:
    old = shown_secret(add(desk, receiver.url))
    endpoint = Endpoint.objects.get()
    asked = desk.get(address(endpoint, "rotate")).content.decode()
    seen_ = re.search(r'name="seen" value="(\w+)"', asked)
    assert seen_
    answer = desk.post(address(endpoint, "rotate"), {"seen": seen_[1]})
    assert "no-store" in answer["Cache-Control"]
    new = shown_secret(answer.content.decode())
    assert new != old
    endpoint.refresh_from_db()
    assert secrets.secret(endpoint) == new
    assert len(endpoint.salts(endpoint.created_at)) == 2


def test_it_is_tried_switched_off_and_on(desk: Client, receiver: Receiver) -> None:
    add(desk, receiver.url)
    endpoint = Endpoint.objects.get()
    assert "on its way" in text_of(desk.post(address(endpoint, "test"), follow=True))
    async_to_sync(work)()
    assert receiver.types() == ["endpoint.test"]
    assert "switched off" in done(desk, endpoint, "disable")
    assert not Endpoint.objects.get().is_enabled
    assert "switched on" in text_of(desk.post(address(endpoint, "enable"), follow=True))
    assert Endpoint.objects.get().is_enabled


def test_what_was_not_taken_is_sent_again(desk: Client, receiver: Receiver) -> None:
    add(desk, receiver.url)
    receiver.status = 500
    make_event()
    async_to_sync(work)()
    receiver.status = 200
    delivery = Delivery.objects.get()
    assert "Under way" in listed(desk, Delivery)
    desk.post(address(delivery, "send-again"))
    async_to_sync(work)()
    assert "Taken" in listed(desk, Delivery)
    assert "Done: 1" in chosen(desk, "send_again", delivery)
    async_to_sync(work)()
    assert len(receiver.heard) == 3


def test_it_is_deleted_with_its_deliveries(desk: Client, receiver: Receiver) -> None:
    add(desk, receiver.url)
    make_event()
    assert Delivery.objects.exists()
    desk.post(address(Endpoint.objects.get(), "delete"), {"post": "yes"})
    assert not Endpoint.objects.exists()
    assert not Delivery.objects.exists()


def test_who_only_reads_sends_nothing(receiver: Receiver) -> None:
    add(organiser(), receiver.url)
    make_event()
    paul = reader()
    delivery, endpoint = Delivery.objects.get(), Endpoint.objects.get()
    assert "Send again" not in seen(paul, delivery)
    for one, deed in ((delivery, "send-again"), (endpoint, "rotate"), (endpoint, "test")):
        assert paul.post(address(one, deed)).status_code == 403
