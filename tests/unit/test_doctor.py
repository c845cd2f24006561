"""What the doctor says of each secret's form, and of clocks; never the secret itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from inscrit.config import Sources
from inscrit.doctor import clocks, forms
from inscrit.doctor.finding import Finding, State, errors

GOOD = {
    "STRIPE_SECRET_KEY": "sk_test_51Habcdefghijklmnopqrst",
    "STRIPE_WEBHOOK_SECRET": "whsec_abcdefghijklmnopqrstuvwxyz012345",
    "SECRET_KEY": "0f9d8s7f6g5h4j3k2l1qwertyuiopzxcvbnm",
    "DATABASE_URL": "postgresql://u@h/d",
}
NOWHERE = Path("/nowhere")


@pytest.fixture(autouse=True, scope="module")
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def of(name: str, **said: str) -> Finding:
    environ = {key: value for key, value in (GOOD | said).items() if value}
    return next(one for one in forms.look(Sources(environ, NOWHERE)) if one.name == name)


def test_good_secrets_are_in_order() -> None:
    assert {one.state for one in forms.look(Sources(GOOD, NOWHERE))} == {State.OK}


MISTAKES = {
    "a signing secret as the key": ("STRIPE_SECRET_KEY", "whsec_0123456789abcdefgh", "wrong place"),
    "a publishable key": ("STRIPE_SECRET_KEY", "pk_test_51Habcdefghijklmnopqrst", "publishable"),
    "quotes": ("STRIPE_SECRET_KEY", '"sk_test_51Habcdefghijklmnopqrst"', "quotes"),
    "a new line inside": ("STRIPE_SECRET_KEY", "sk_test_51Habcdef\nghijklmnopqrst", "new line"),
    "an example": ("STRIPE_SECRET_KEY", "sk_test_…", "placeholder"),
    "half of it": ("STRIPE_SECRET_KEY", "sk_test_51Ha", "too short"),
    "a key as the signing secret": ("STRIPE_WEBHOOK_SECRET", "sk_test_51Habcdef", "wrong place"),
    "the endpoint's number": ("STRIPE_WEBHOOK_SECRET", "we_1Habcdefghijklmnopqrstuv", "number"),
    "quoted": ("STRIPE_WEBHOOK_SECRET", "'whsec_0123456789abcdefghijklmn'", "quotes"),
    "no secret": ("STRIPE_WEBHOOK_SECRET", "", "503"),
    "no key": ("STRIPE_SECRET_KEY", "", "no Stripe key"),
    "short": ("SECRET_KEY", "secret", "guessed"),
    "all the same": ("SECRET_KEY", "ab" * 40, "guessed"),
    "none": ("SECRET_KEY", "", "not set"),
}  # fmt: skip
NAMES = {
    "STRIPE_SECRET_KEY": "stripe_key_form",
    "STRIPE_WEBHOOK_SECRET": "webhook_secret_form",
    "SECRET_KEY": "secret_key",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_pasted_wrongly_is_named(mistake: str) -> None:
    setting, value, said = MISTAKES[mistake]
    found = of(NAMES[setting], **{setting: value})
    assert found.state is State.ERROR
    assert said in found.what
    assert found.mend


def test_the_sandbox_takes_any_key() -> None:
    there = {"STRIPE_API_BASE": "http://localhost:12111"}
    assert of("stripe_key_form", STRIPE_SECRET_KEY="sk_test_1", **there).state is State.OK


def test_cheques_alone_are_no_error() -> None:
    none = {"STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRET": ""}
    assert of("stripe_key_form", **none).state is State.WARNING
    assert of("webhook_secret_form", **none).state is State.WARNING


@given(
    st.sampled_from(["sk_test_", "whsec_", "pk_live_", "", "'"]),
    st.text("abcdefghijkm0123456789", min_size=14, max_size=60),
)
def test_no_finding_ever_holds_a_secret(beginning: str, secret: str) -> None:
    said = dict.fromkeys(NAMES, beginning + secret)
    told = repr(forms.look(Sources(said, NOWHERE)))
    assert secret not in told
    assert secret[:12] not in told


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, State.OK), (4, State.OK), (-20, State.WARNING), (90, State.ERROR)]
)
def test_clocks_that_differ(seconds: int, state: State) -> None:
    now = datetime.now(UTC)
    found = clocks.compare("stripe_clock", "Stripe’s", now + timedelta(seconds=seconds), now)
    assert found.state is state
    assert (str(abs(seconds)) in found.what) is (state is not State.OK)


def test_only_errors_are_wrong() -> None:
    every = [Finding(str(state), state, "x") for state in State]
    assert [one.name for one in errors(every)] == ["error"]
