"""Public ids: a prefix that says what it is, then letters nobody can guess."""

import secrets

# Lower case, without the letters and figures that people mistake for one another.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_id(prefix: str, length: int = 20) -> str:
    """``prefix-`` and ``length`` random characters of about 4.95 bits each."""
    return f"{prefix}-{''.join(secrets.choice(ALPHABET) for _ in range(length))}"


def new_registration_id() -> str:
    return new_id("reg")


def new_event_id() -> str:
    return new_id("ev", 12)


def new_option_id() -> str:
    return new_id("opt", 12)


def new_question_id() -> str:
    return new_id("qst", 12)


def new_consent_id() -> str:
    return new_id("cst", 12)
