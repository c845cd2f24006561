"""Every code word that staff may meet has a sentence, and asks for something where it should."""

import pytest
from django.utils import translation

from inscrit.registrations.explanations import INBOX, REASONS, explain, in_words, who
from inscrit.registrations.lifecycle import Reason

# What a registration may be flagged with: registrations/lifecycle.
FLAGS = {
    Reason.AMOUNT_MISMATCH,
    Reason.WRONG_MODE,
    Reason.OTHER_REGISTRATION,
    Reason.LATE_PAYMENT_REVIEW,
    Reason.CANCELLED_WITHOUT_REFUND,
    Reason.REFUND_FAILED,
    Reason.DISPUTE_INQUIRY,
    Reason.DISPUTE_OPENED,
    Reason.DISPUTE_LOST,
}
INBOX_ONLY = {
    "type_only_logged",
    "no_registration_id",
    "unknown_registration",
    "unknown_payment",
    "seen_already",
}


def test_every_reason_has_a_sentence() -> None:
    assert set(REASONS) == set(Reason)


def test_what_only_the_inbox_says_has_a_sentence() -> None:
    assert set(INBOX) == INBOX_ONLY


def test_what_flags_a_registration_says_what_to_do_and_nothing_else_does() -> None:
    assert {reason for reason, told in REASONS.items() if told.todo} == FLAGS


@pytest.mark.parametrize(
    "code", [*Reason, *sorted(INBOX_ONLY), "CheckViolation 23514", "is not known"]
)
def test_it_is_said_in_french_and_in_english(code: str) -> None:
    said = []
    for language in ("fr", "en"):
        with translation.override(language):
            told = explain(code)
            said.append((str(told.what), str(told.todo or "")))
    french, english = said
    assert french[0] != english[0]
    assert bool(french[1]) is bool(english[1])
    assert french[1] != english[1] or not french[1]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("CheckViolation 23514", "An error of our own"),
        ("TypeError", "An error of our own"),
        ("its object can't be read: truncated", "not of the form that Stripe promises"),
        ("refund status 'odd' is not known", "not of the form that Stripe promises"),
        ("a_word_to_come", "a_word_to_come"),
    ],
)
def test_what_is_no_reason_is_explained_by_its_form(code: str, sentence: str) -> None:
    with translation.override("en"):
        assert sentence in str(explain(code).what)


def test_the_code_word_stands_small_beside_the_sentence() -> None:
    with translation.override("en"):
        told = str(in_words("amount_mismatch"))
        assert told.endswith('<small class="code">amount_mismatch</small>')
        assert "&lt;b&gt;" in str(in_words("not <b>known</b>"))
        assert in_words("") == "–"


@pytest.mark.parametrize(
    ("actor", "named"),
    [
        ("admin:marie", "marie"),
        ("api:till", "till"),
        ("webhook", "Stripe"),
        ("sweep", "Inscrit, by itself"),
        ("somebody", "somebody"),
    ],
)
def test_whoever_did_it_is_named(actor: str, named: str) -> None:
    with translation.override("en"):
        assert who(actor) == named
