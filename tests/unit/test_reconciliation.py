"""How far a comparison looks back, and what is told of a difference."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from inscrit.reconciliation.findings import RESULTS, SENTENCES, WISHES, Finding, Kind, Result
from inscrit.reconciliation.window import MONTH, OVERLAP, NoSpan, Window, span
from inscrit.webhooks.notification import HANDLED

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("72h", timedelta(hours=72)),
        ("7d", timedelta(days=7)),
        (" 30D ", timedelta(days=30)),
        ("1h", timedelta(hours=1)),
        ("365d", timedelta(days=365)),
    ],
)
def test_a_span_is_written_in_hours_or_days(text: str, length: timedelta) -> None:
    assert span(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "72",
        "h",
        "0h",
        "0d",
        "-1d",
        "1.5h",
        "7 d",
        "3w",
        "366d",
        "9999h",
        "10000h",
        "٣d",
        "1d2h",
    ],
)
def test_what_is_no_span_is_told_with_an_example(text: str) -> None:
    with pytest.raises(NoSpan, match="Write hours or days"):
        span(text)


def test_the_next_look_begins_a_little_before_the_last_one_began() -> None:
    earlier = NOW - timedelta(minutes=15)
    window = Window.after(NOW, None, {"sessions": earlier.isoformat()})
    assert window.start("sessions") == earlier - OVERLAP
    assert window.start("events") == NOW - MONTH - OVERLAP
    window.done("sessions")
    assert window.as_data() == {"sessions": NOW.isoformat()}


@pytest.mark.parametrize(
    ("asked", "moved"), [(timedelta(days=5), False), (timedelta(days=7), True)]
)
def test_a_look_that_leaves_a_gap_moves_no_cursor(asked: timedelta, moved: bool) -> None:
    last = NOW - timedelta(days=6)
    window = Window.after(NOW, asked, {"events": last.isoformat()})
    assert window.start("events") == NOW - asked
    window.done("events")
    assert window.as_data()["events"] == (NOW if moved else last).isoformat()


def test_every_kind_and_result_has_words() -> None:
    assert set(SENTENCES) == set(Kind)
    assert set(RESULTS) == set(WISHES) == set(Result)


FINDING = Finding(
    Kind.REFUND_MISSED,
    "pi_1",
    "reg-2a",
    {"status": "pending", "amount": 250, "currency": "eur"},
    {"status": "PAID", "refunded": 100, "currency": "eur"},
    Result.FLAGGED,
    ("amount_refunded 100 → 350",),
)


def test_a_finding_is_the_same_after_it_was_stored() -> None:
    assert Finding.from_data(FINDING.as_data()) == FINDING


def test_a_finding_is_told_in_the_readers_language() -> None:
    with translation.override("en"):
        assert FINDING.as_text() == (
            "reg-2a: A refund at Stripe was not recorded here, or not as it stands now. At"
            " Stripe: pending, €2.50 (pi_1). Here: PAID, €1.00 returned. Recorded, a person has to"
            " decide (amount_refunded 100 → 350)."
        )
        assert "It would be" in FINDING.as_text(dry_run=True)
    with translation.override("fr"):
        assert "2,50" in FINDING.as_text()
        assert "Stripe" in FINDING.as_text()
        assert "person has" not in FINDING.as_text()


def test_the_types_we_handle_can_be_asked_for_in_one_call() -> None:
    """Stripe takes 20 at most: https://docs.stripe.com/api/events/list"""
    assert len(HANDLED) <= 20
