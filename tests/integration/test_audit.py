"""The audit: a busy database is clean, and every way to break an invariant is seen and named."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone, translation

from inscrit.events.models import Event, PriceOption
from inscrit.mail.models import Message
from inscrit.monitoring import audit
from inscrit.monitoring.checks import CHECKS, INVARIANTS, Breach
from inscrit.payments.models import Dispute, Payment, Refund
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    CancelRequested,
    ChargeRefunded,
    CheckoutCompleted,
    CheckoutExpired,
    DelayedPaymentFailed,
    DisputeChanged,
    DisputeStatus,
    Fact,
    MarkedPaid,
    MoneyGivenBack,
    PaymentSucceeded,
    RefundRequested,
    Resolution,
    ReviewResolved,
)
from inscrit.registrations.models import PaymentMethod, Registration
from inscrit.registrations.services import Contact, Order, Person

PRICE = 1000


def make_event(**said: object) -> Event:
    starts = timezone.now() + timedelta(days=3)
    defaults = {
        "title": "Sortie",
        "starts_at": starts,
        "ends_at": starts + timedelta(days=1),
        "price": PRICE,
        "capacity": 20,
        "status": "published",
    }
    return Event.objects.create(**(defaults | said))


def register(event: Event, people: int = 1, method: str = "stripe") -> Registration:
    persons = [Person(f"P{n}", "Test") for n in range(people)]
    contact = Contact("Parent", "parent@example.org", "fr")
    return services.hold_places(Order(event.pk, contact, persons, PaymentMethod(method)))


def tell(registration: Registration, *facts: Fact) -> Registration:
    for fact in facts:
        services.report(Report(fact, "test", registration.pk))
    registration.refresh_from_db()
    return registration


def completed(registration: Registration, *, paid: bool = True, nth: int = 1) -> CheckoutCompleted:
    return CheckoutCompleted(
        session=f"cs_{registration.pk}_{nth}",
        payment=f"pi_{registration.pk}_{nth}",
        amount=registration.amount,
        currency="eur",
        paid=paid,
        livemode=False,
    )


def paid(event: Event) -> Registration:
    registration = register(event)
    return tell(registration, completed(registration))


def accepted(event: Event, amount: int) -> Registration:
    """Somebody paid another amount than was agreed, and a person accepted it."""
    registration = register(event)
    wrong = PaymentSucceeded(payment_of(registration), amount, "eur", livemode=False)
    return tell(registration, wrong, ReviewResolved(Resolution.ACCEPT))


def dispute(registration: Registration, *statuses: DisputeStatus) -> None:
    key = payment_of(registration)
    tell(registration, *(DisputeChanged(key, f"dp_{key}", PRICE, status) for status in statuses))


def payment_of(registration: Registration) -> str:
    return f"pi_{registration.pk}_1"


def busy_database() -> Event:
    """Everything that happens in a season."""
    event = make_event()
    register(event, people=2)  # waits
    register(make_event(price=0))
    with_a_last_place_at_a_price()
    tell(register(event, method="cheque"), MarkedPaid())
    tell(register(event, method="cheque"), MarkedPaid(), MoneyGivenBack(100), MoneyGivenBack())
    cash = tell(register(event, method="cheque"), MarkedPaid(), CancelRequested(refund=True))
    tell(cash, MoneyGivenBack())
    tell(register(event), CheckoutExpired(None))
    tell(paid(event), RefundRequested(300), CancelRequested(refund=True))
    late = tell(register(event), CheckoutExpired(None))
    tell(late, completed(late))
    waiting = register(event)
    tell(waiting, completed(waiting, paid=False))
    failing = register(event)
    tell(failing, completed(failing, paid=False))
    bounced = DelayedPaymentFailed(
        f"cs_{failing.pk}_1", payment_of(failing), PRICE, "eur", livemode=False
    )
    tell(failing, bounced)
    twice = paid(event)
    tell(twice, completed(twice, nth=2))
    returned = paid(event)
    tell(returned, ChargeRefunded(payment_of(returned), PRICE))
    part = paid(event)
    tell(part, ChargeRefunded(payment_of(part), 400))
    wrong = register(event)
    tell(wrong, PaymentSucceeded(payment_of(wrong), 1, "eur", livemode=False))
    kept = paid(event)
    tell(kept, CancelRequested(refund=False))
    for ends in (DisputeStatus.LOST, DisputeStatus.WON, DisputeStatus.NEEDS_RESPONSE):
        dispute(paid(event), DisputeStatus.NEEDS_RESPONSE, ends)
    dispute(tell(paid(event), CancelRequested(refund=False)), DisputeStatus.LOST)
    too_late = tell(register(make_event(late_payment="refund")), CheckoutExpired(None))
    tell(too_late, completed(too_late))
    return event


def found() -> list[Breach]:
    with connection.cursor() as cursor:
        return audit.breaches(cursor)


def execute(query: str, *parameters: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)


def without(table: str, constraint: str) -> None:
    """The breach can't be made while the database itself refuses it."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the commit would be in the way
    execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")


def without_index(name: str) -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(f"DROP INDEX {name}")


def without_the_journals_trigger() -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("DROP TRIGGER journal_is_append_only ON registrations_journalentry")


# Each makes one breach and gives the id of what is concerned.


def oversell() -> str:
    event = make_event(capacity=2)
    register(event, people=2)
    without("events_event", "event_is_not_oversold")
    execute("UPDATE events_event SET capacity = 1 WHERE id = %s", event.pk)
    return event.pk


def with_a_last_place_at_a_price() -> PriceOption:
    event = make_event()
    option = PriceOption.objects.create(event=event, name="Fratrie", price=PRICE, quota=2)
    tell(register(event), CheckoutExpired(None))
    register(event, people=2)
    return option


def oversell_an_option() -> str:
    option = with_a_last_place_at_a_price()
    without("events_priceoption", "option_is_not_oversold")
    execute("UPDATE events_priceoption SET quota = 1 WHERE id = %s", option.pk)
    return option.pk


def spoil_an_options_counter() -> str:
    option = with_a_last_place_at_a_price()
    execute("UPDATE events_priceoption SET taken = 1 WHERE id = %s", option.pk)
    return option.pk


def spoil_a_counter() -> str:
    event = paid(make_event()).event
    execute("UPDATE events_event SET confirmed = 0, held = 3 WHERE id = %s", event.pk)
    return event.pk


def want_what_nobody_wants() -> str:
    event = make_event()
    Event.objects.filter(pk=event.pk).update(waiting=2)
    return event.pk


def want_an_option_that_nobody_wants() -> str:
    option = PriceOption.objects.create(event=make_event(), name="Enfant", price=800)
    PriceOption.objects.filter(pk=option.pk).update(waiting=1)
    return option.pk


def forget_an_event() -> str:
    execute(
        "INSERT INTO webhooks_stripeevent (id, type, created, livemode, api_version, object_id,"
        " registration_id, outcome, reason, payload, secret, duration_us, deliveries, attempts,"
        " received_at) VALUES ('evt_lost', 'checkout.session.completed', now(), false, '', 'cs_1',"
        " '', 'failed', 'KeyError', '{}', 's', 1, 1, 20, now() - interval '61 minutes')"
    )
    return "evt_lost"


def settle_twice() -> str:
    registration = paid(make_event())
    tell(registration, completed(registration, nth=2))
    without_index("registration_is_settled_once")
    Payment.objects.filter(registration=registration).update(settles=True)
    return registration.pk


def confirm_by_two_mails() -> str:
    registration = paid(make_event())
    without_index("registration_is_confirmed_by_one_mail")
    message = registration.messages.get(kind="confirmed")
    message.pk = None
    message.save(force_insert=True)
    return registration.pk


def confirm_by_no_mail() -> str:
    registration = paid(make_event())
    Message.objects.filter(registration=registration).delete()
    return registration.pk


def pay_twice() -> str:
    registration = paid(make_event())
    execute(
        "INSERT INTO registrations_journalentry (registration_id, from_status, to_status, reason,"
        " actor, stripe_event, at) VALUES"
        " (%s, 'PAID', 'PAID', 'refund_received', 'x', '', now()),"
        " (%s, 'PENDING', 'PAID', 'payment_received', 'x', '', now())",
        registration.pk,
        registration.pk,
    )
    return registration.pk


def keep_money_of_nobody() -> str:
    registration = register(make_event())
    tell(registration, CheckoutExpired(None))
    Payment.objects.create(
        key="pi_kept", registration=registration, status="succeeded", amount=PRICE, currency="eur"
    )
    return "pi_kept"


def settle_by_another_amount() -> str:
    registration = paid(make_event())
    Payment.objects.filter(registration=registration).update(amount=PRICE - 1)
    return payment_of(registration)


def lose_an_ordered_refund() -> str:
    registration = tell(paid(make_event()), CancelRequested(refund=True))
    Refund.objects.filter(payment__registration=registration).update(status="failed")
    return payment_of(registration)


def pay_by_nothing() -> str:
    registration = paid(make_event())
    Payment.objects.filter(registration=registration).update(status="processing")
    return registration.pk


def let_a_refund_wait() -> str:
    registration = tell(paid(make_event()), CancelRequested(refund=True))
    refund = Refund.objects.get(payment__registration=registration)
    refund.created_at = timezone.now() - timedelta(hours=25)
    refund.save()
    return str(refund.pk)


def change_a_status_by_hand() -> str:
    registration = tell(register(make_event()), CheckoutExpired(None))
    Registration.objects.filter(pk=registration.pk).update(status="CANCELLED")
    return registration.pk


def lose_the_journal() -> str:
    registration = tell(register(make_event()), CheckoutExpired(None))
    without_the_journals_trigger()
    registration.journal.all().delete()
    return registration.pk


def cut_the_journal() -> str:
    registration = tell(register(make_event()), CheckoutExpired(None))
    tell(registration, completed(registration))
    without_the_journals_trigger()
    registration.journal.filter(to_status="EXPIRED").delete()
    return str(registration.journal.get(to_status="PAID").pk)


BREACHES: dict[str, list[Callable[[], str]]] = {
    "oversold": [oversell],
    "counters_differ": [spoil_a_counter],
    "wanted_differs": [want_what_nobody_wants],
    "option_wanted_differs": [want_an_option_that_nobody_wants],
    "option_oversold": [oversell_an_option],
    "option_counters_differ": [spoil_an_options_counter],
    "event_forgotten": [forget_an_event],
    "settled_twice": [settle_twice],
    "confirmed_by_many_mails": [confirm_by_two_mails],
    "confirmed_by_no_mail": [confirm_by_no_mail],
    "paid_twice": [pay_twice],
    "payment_without_place": [
        keep_money_of_nobody,
        settle_by_another_amount,
        lose_an_ordered_refund,
    ],
    "paid_without_payment": [pay_by_nothing],
    "refund_forgotten": [let_a_refund_wait],
    "journal_ends_elsewhere": [change_a_status_by_hand, lose_the_journal],
    "journal_has_a_gap": [cut_the_journal],
}


def test_every_check_is_broken_by_a_test() -> None:
    assert list(BREACHES) == list(CHECKS)
    assert {check.invariant for check in CHECKS.values()} == set(INVARIANTS)


@pytest.mark.django_db
def test_a_busy_healthy_database_is_clean() -> None:
    busy_database()
    assert found() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("check", "break_it"),
    [(check, way) for check, ways in BREACHES.items() for way in ways],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_breach_is_seen_and_named(check: str, break_it: Callable[[], str]) -> None:
    busy_database()
    subject = break_it()
    breach = next(one for one in found() if one.check == check)
    assert breach.subject == subject
    for language in ("fr", "en"):
        with translation.override(language):
            assert subject in breach.text or breach.facts["registration_id"] in breach.text
            assert "%(" not in breach.text + breach.remedy
    assert breach.expected != breach.found
    assert breach.facts == json.loads(json.dumps(breach.facts))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "break_it",
    [
        spoil_a_counter,
        spoil_an_options_counter,
        forget_an_event,
        confirm_by_no_mail,
        let_a_refund_wait,
        lose_the_journal,
    ],
)
def test_one_breach_is_told_once_and_as_nothing_else(break_it: Callable[[], str]) -> None:
    busy_database()
    subject = break_it()
    assert [breach.subject for breach in found()] == [subject]


@pytest.mark.django_db
def test_the_database_lets_no_payment_that_failed_settle_a_registration() -> None:
    registration = paid(make_event())
    with pytest.raises(IntegrityError, match="payment_that_failed_settles_nothing"):
        Payment.objects.filter(registration=registration).update(status="failed")


@pytest.mark.django_db
def test_the_database_takes_no_refund_of_stripes_without_stripes_number() -> None:
    tell(paid(make_event()), CancelRequested(refund=True))
    with pytest.raises(IntegrityError, match="refund_at_stripe_has_its_number"):
        Refund.objects.update(status="succeeded")


@pytest.mark.django_db
def test_a_failed_event_that_waits_for_another_try_is_no_breach() -> None:
    forget_an_event()
    execute("UPDATE webhooks_stripeevent SET next_try_at = now()")
    assert found() == []


@pytest.mark.django_db
def test_money_that_a_person_looks_at_is_no_breach() -> None:
    key = keep_money_of_nobody()
    Registration.objects.filter(payments=key).update(review="late_payment_review")
    assert found() == []


@pytest.mark.django_db
@pytest.mark.parametrize("decided", ["accept", "ignore"])
def test_money_that_a_person_has_decided_on_is_no_breach(decided: str) -> None:
    key = keep_money_of_nobody()
    Payment.objects.filter(pk=key).update(resolution=decided)
    assert found() == []


@pytest.mark.django_db
def test_a_lost_dispute_is_money_returned_and_a_won_one_is_not() -> None:
    key = keep_money_of_nobody()
    Dispute.objects.create(id="dp_1", payment_id=key, status="lost", amount=PRICE)
    assert found() == []
    Dispute.objects.update(status="won")
    assert [breach.subject for breach in found()] == [key]


@pytest.mark.django_db
def test_a_refund_asked_for_again_after_a_failed_one_is_no_breach() -> None:
    key = lose_an_ordered_refund()
    Refund.objects.create(payment_id=key, amount=PRICE, reason="refund_requested")
    assert found() == []


@pytest.mark.django_db
def test_paid_cancelled_and_paid_again_is_no_breach() -> None:
    registration = tell(register(make_event(), method="cheque"), MarkedPaid())
    execute(
        "INSERT INTO registrations_journalentry (registration_id, from_status, to_status, reason,"
        " actor, stripe_event, at) VALUES (%s, 'PAID', 'CANCELLED', 'cancelled_by_request', 'x',"
        " '', now()), (%s, 'CANCELLED', 'PAID', 'marked_paid', 'x', '', now())",
        registration.pk,
        registration.pk,
    )
    assert found() == []


@pytest.mark.django_db(transaction=True)
def test_what_moves_while_the_audit_reads_is_no_breach() -> None:
    event = busy_database()
    with audit.snapshot() as cursor:
        cursor.execute("SELECT 1")
        elsewhere(lambda: Event.objects.filter(pk=event.pk).update(held=0))
        assert audit.breaches(cursor) == []
    assert [breach.check for breach in audit.run().breaches] == ["counters_differ"]


def elsewhere(act: Callable[[], object]) -> None:
    """Do something on a connection of its own, and have it committed."""

    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def inscrit_audit(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command on this test's database."""
    own = connection.settings_dict
    query = urlencode({"host": own["HOST"], "port": own["PORT"] or 5432})
    settings = {
        "DATABASE_URL": f"postgresql://{own['USER']}@/{own['NAME']}?{query}",
        "SECRET_KEY": "tests",
    }
    return subprocess.run(
        [sys.executable, "-m", "inscrit", "audit", *arguments],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.django_db(transaction=True)
def test_the_command_ends_well_if_all_invariants_hold() -> None:
    busy_database()
    done = inscrit_audit()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"✅ {invariant}: holds" for invariant in INVARIANTS]


@pytest.mark.django_db(transaction=True)
def test_the_command_names_every_breach_and_what_to_do() -> None:
    subjects = [spoil_a_counter(), confirm_by_no_mail(), keep_money_of_nobody()]
    done = inscrit_audit()
    assert done.returncode == 1
    assert all(subject in done.stdout for subject in subjects)
    assert "❌ no_oversell: 1 breach\n" in done.stdout
    assert "expected: confirmed 1, held 0; is: confirmed 0, held 3" in done.stdout
    assert "to do: Count them again: inscrit audit --mend-counters" in done.stdout
    assert "€10.00" in done.stdout


@pytest.mark.django_db(transaction=True)
def test_the_command_tells_programs_the_same() -> None:
    subject = spoil_a_counter()
    done = inscrit_audit("--json")
    said: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, said["ok"]) == (1, False)
    assert said["invariants"] == dict.fromkeys(INVARIANTS, 0) | {"no_oversell": 1}
    (breach,) = said["breaches"]
    assert (breach["check"], breach["subject"]) == ("counters_differ", subject)
    assert (breach["expected"], breach["found"]) == (
        "confirmed 1, held 0",
        "confirmed 0, held 3",
    )
