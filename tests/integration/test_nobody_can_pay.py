"""An organiser hears that no payment page opens before the first parent calls."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from inscrit.mail.models import Message, MessageKind
from inscrit.payments import checkout
from inscrit.payments.models import CheckoutSession
from inscrit.watchdog.payment_pages import tell_if_nobody_can_pay

from .account import Account, register
from .conftest import Setting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def organiser_email(setting: Setting) -> None:
    setting(ORGANISER_EMAIL="organiser@example.org", LANGUAGE_CODE="en")


def told() -> list[str]:
    tell_if_nobody_can_pay()
    alerts = Message.objects.filter(kind=MessageKind.ORGANISER_ALERT)
    return [message.context["subject"] for message in alerts]


def try_to_pay(account: Account, *, refused: bool, email: str = "") -> None:
    if refused:
        account.break_down(kind="error", path="/v1/checkout/sessions", status=401)
    with suppress(checkout.CheckoutNotOpened):
        register()
    account.mend()
    somebody = CheckoutSession.objects.latest("pk").registration
    somebody.contact_email = email or f"{somebody.pk}@example.org"
    somebody.save(update_fields=["contact_email"])


def test_it_is_told_once_when_no_page_opens(account: Account) -> None:
    try_to_pay(account, refused=True)
    assert told() == []
    try_to_pay(account, refused=True)
    assert told() == ["Nobody can pay by card at the moment"]
    try_to_pay(account, refused=True)
    assert told() == ["Nobody can pay by card at the moment"]


def test_one_buyer_alone_may_be_at_fault(account: Account) -> None:
    for _ in range(3):
        try_to_pay(account, refused=True, email="lou@exam_ple.org")
    assert told() == []
    try_to_pay(account, refused=True)
    assert told() == ["Nobody can pay by card at the moment"]


def test_whoever_got_through_since_shows_that_people_can_pay(account: Account) -> None:
    try_to_pay(account, refused=True)
    try_to_pay(account, refused=True)
    try_to_pay(account, refused=False)
    assert told() == []


def test_what_failed_hours_ago_is_over(account: Account) -> None:
    try_to_pay(account, refused=True)
    try_to_pay(account, refused=True)
    CheckoutSession.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert told() == []
