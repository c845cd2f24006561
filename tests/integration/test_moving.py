"""Moving registrations between events in a real database, also when many do it at once."""

import threading
from collections.abc import Callable, Sequence

import pytest
from django.db import connection
from django.test import Client

from inscrit.events.models import Event
from inscrit.mail.composing import compose
from inscrit.monitoring import audit
from inscrit.registrations import services
from inscrit.registrations.ledger import Entry, Report
from inscrit.registrations.lifecycle import CancelRequested, MarkedPaid, MoveRequested, Outcome
from inscrit.registrations.models import Registration

from .test_audit import completed, make_event, paid, register, tell

pytestmark = pytest.mark.django_db(transaction=True)


def move(registration: Registration, event: Event) -> Entry:
    (entry,) = services.report(Report(MoveRequested(event.pk), "admin:marie", registration.pk))
    assert entry is not None
    registration.refresh_from_db()
    return entry


def places(event: Event) -> tuple[int, int]:
    event.refresh_from_db()
    return event.confirmed, event.held


def together(*deeds: Callable[[], object]) -> list[Exception]:
    """Begin all of them at the same moment; what they raised."""
    start, raised = threading.Barrier(len(deeds)), list[Exception]()

    def run(deed: Callable[[], object]) -> None:
        start.wait()
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - the test says which may be
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def assert_sound(events: Sequence[Event]) -> None:
    assert audit.run().breaches == []
    for event in events:
        event.refresh_from_db()


def test_a_paid_registration_moves_with_its_money_and_its_story() -> None:
    here, there = make_event(), make_event(title="Kermesse")
    registration = paid(here)
    assert move(registration, there).decision.outcome is Outcome.APPLIED
    assert (registration.event, registration.status) == (there, "PAID")
    assert (places(here), places(there)) == ((0, 0), (1, 0))
    last = registration.journal.order_by("id").last()
    assert last is not None
    assert (last.from_status, last.to_status, last.reason) == ("PAID", "PAID", "moved")
    assert (last.actor, last.details) == ("admin:marie", {"from": here.pk, "to": there.pk})
    assert registration.messages.filter(kind="moved", state="queued").count() == 1
    assert_sound([here, there])


def test_what_was_paid_already_goes_on_where_it_is_now() -> None:
    here, there = make_event(), make_event()
    registration = register(here, people=2)
    tell(registration, completed(registration, paid=False))
    move(registration, there)
    assert places(there) == (0, 2)
    tell(registration, completed(registration))
    assert (places(here), places(there)) == ((0, 0), (2, 0))
    assert_sound([here, there])


@pytest.mark.parametrize("said", [{"capacity": 1}, {"price": 900}, {"status": "cancelled"}])
def test_what_is_refused_moves_nothing(said: dict[str, object]) -> None:
    here, there = make_event(), make_event(**said)
    registration = tell(register(here, people=2, method="cheque"), MarkedPaid())
    assert move(registration, there).decision.outcome is Outcome.REJECTED
    assert registration.event == here
    assert (places(here), places(there)) == ((2, 0), (0, 0))
    assert registration.journal.count() == 2


def test_moving_to_an_event_that_does_not_exist_is_refused() -> None:
    registration = paid(make_event())
    (entry,) = services.report(Report(MoveRequested("ev-none"), "test", registration.pk))
    assert entry is not None
    assert entry.decision.reason == "move_to_nowhere"


def test_two_that_change_places_do_not_wait_for_each_other_for_ever() -> None:
    one, other = make_event(), make_event()
    first, second = [paid(one) for _ in range(6)], [paid(other) for _ in range(6)]
    raised = together(
        *[lambda r=r: move(r, other) for r in first],
        *[lambda r=r: move(r, one) for r in second],
    )
    assert raised == []
    assert (places(one), places(other)) == ((6, 0), (6, 0))
    assert_sound([one, other])


def test_the_last_place_is_given_once_to_movers_and_newcomers() -> None:
    here, there = make_event(), make_event(capacity=3)
    movers = [paid(here) for _ in range(5)]
    raised = together(
        *[lambda r=r: move(r, there) for r in movers],
        *[lambda: register(there) for _ in range(5)],
    )
    assert all(isinstance(error, services.SoldOut) for error in raised)
    there.refresh_from_db()
    assert there.confirmed + there.held == 3
    assert_sound([here, there])


def test_a_move_and_a_cancellation_at_once_leave_the_places_right() -> None:
    here, there = make_event(), make_event()
    families = [tell(register(here, method="cheque"), MarkedPaid()) for _ in range(5)]
    cancel = CancelRequested(refund=False)
    raised = together(
        *[lambda r=r: move(r, there) for r in families],
        *[lambda r=r: services.report(Report(cancel, "test", r.pk)) for r in families],
    )
    assert raised == []
    assert (places(here), places(there)) == ((0, 0), (0, 0))
    assert_sound([here, there])


def test_the_mail_tells_the_new_date_and_the_page_tells_why() -> None:
    here, there = make_event(title="Lundi"), make_event(title="Mardi")
    registration = paid(here)
    move(registration, there)
    mail = compose(registration.messages.get(kind="moved"))
    assert "Mardi" in mail.subject
    assert "Mardi" in str(mail.body)
    assert "Lundi" not in str(mail.body)
    page = Client(headers={"accept-language": "en"}).get(registration.get_absolute_url())
    assert "The organisers moved your registration to this event." in page.content.decode()
