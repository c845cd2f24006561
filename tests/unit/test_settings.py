"""Where settings come from, and what is said when one is wrong."""

from pathlib import Path

import pytest
from hypothesis import given as given_by_hypothesis
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from inscrit.config import SettingError, load


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def given(tmp_path: Path, **environ: str) -> dict[str, str]:
    return {"INSCRIT_DATA_DIR": str(tmp_path / "data")} | environ


def test_the_environment_comes_before_the_named_file_and_the_secret(
    tmp_path: Path, secrets: Path
) -> None:
    (secrets / "stripe_webhook_secret").write_text("whsec_secret\n")
    named = tmp_path / "named"
    named.write_text("whsec_file")
    both = given(tmp_path, STRIPE_WEBHOOK_SECRET="whsec_env", STRIPE_WEBHOOK_SECRET_FILE=str(named))
    assert load(both, secrets).stripe_webhook_secrets == ("whsec_env",)
    del both["STRIPE_WEBHOOK_SECRET"]
    assert load(both, secrets).stripe_webhook_secrets == ("whsec_file",)
    del both["STRIPE_WEBHOOK_SECRET_FILE"]
    assert load(both, secrets).stripe_webhook_secrets == ("whsec_secret",)


def test_a_file_that_is_not_needed_is_not_read(tmp_path: Path, secrets: Path) -> None:
    both = given(tmp_path, TIME_ZONE="Europe/Zurich", TIME_ZONE_FILE="/nowhere/at/all")
    assert load(both, secrets).time_zone == "Europe/Zurich"


def test_a_newline_at_the_end_of_a_secret_does_not_matter(tmp_path: Path, secrets: Path) -> None:
    (secrets / "stripe_secret").write_text("  sk_test_1\r\n\n")
    settings = load(given(tmp_path), secrets)
    assert settings.stripe_secret_key == "sk_test_1"
    assert settings.livemode is False


def test_several_webhook_secrets_are_separated_by_commas_or_white_space(
    tmp_path: Path, secrets: Path
) -> None:
    several = given(tmp_path, STRIPE_WEBHOOK_SECRET="whsec_a, whsec_b\nwhsec_c whsec_a")
    assert load(several, secrets).stripe_webhook_secrets == ("whsec_a", "whsec_b", "whsec_c")


def test_everything_has_a_default_and_the_secret_key_is_kept(tmp_path: Path, secrets: Path) -> None:
    first = load(given(tmp_path), secrets)
    assert first.database_url is None
    assert first.public_url == "http://localhost:8000"
    assert first.time_zone == "Europe/Paris"
    assert first.language_code == "fr"
    assert first.log_format == "text"
    assert first.payload_retention_days == 400
    assert first.livemode is None
    assert len(first.secret_key) > 40
    assert load(given(tmp_path), secrets).secret_key == first.secret_key
    kept = tmp_path / "data" / "secret_key"
    assert kept.stat().st_mode & 0o077 == 0


WRONG = {
    "DATABASE_URL": "postgresql://u:secret/word@localhost/x",
    "PUBLIC_URL": "localhost:8000",
    "STRIPE_SECRET_KEY": "pk_test_not_the_secret_one",
    "STRIPE_WEBHOOK_SECRET": "whsec_a sk_test_b",
    "STRIPE_API_BASE": "stripe",
    "EMAIL_URL": "mail.example.org",
    "TIME_ZONE": "Europe/Nowhere",
    "LANGUAGE_CODE": "de",
    "LOG_FORMAT": "xml",
    "PAYLOAD_RETENTION_DAYS": "a year",
    "TRUSTED_PROXIES": "10.0.0.0/8, traefik",
    "DRAIN_SECONDS": "-1",
    "STRIPE_SECRET_KEY_FILE": "/nowhere/at/all",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *WRONG.items(),
        ("DRAIN_SECONDS", "301"),
        ("TRUSTED_PROXIES", "*"),
        ("DATABASE_URL", "mysql://root@localhost/x"),
        ("DATABASE_URL", "postgresql://[bad"),
        ("DATABASE_URL", "postgresql://one,two:port/x"),
        ("DATABASE_URL", "postgresql://h/x?bogus=1"),
        ("EMAIL_URL", "smtp://host:abc"),
        ("PUBLIC_URL", "http://[::1"),
        ("PUBLIC_URL", "http://host:99999"),
    ],
)
def test_an_error_names_the_setting_and_the_mend_but_never_a_secret(
    tmp_path: Path, secrets: Path, name: str, value: str
) -> None:
    with pytest.raises(SettingError) as caught:
        load(given(tmp_path, **{name: value}), secrets)
    said = str(caught.value)
    assert said.startswith(f"{name}:")
    assert said.count(". ") >= 1
    if "SECRET" in name and not name.endswith("_FILE"):
        assert value not in said


def test_a_database_of_ones_own_needs_a_secret_key(tmp_path: Path, secrets: Path) -> None:
    with pytest.raises(SettingError, match="SECRET_KEY"):
        load(given(tmp_path, DATABASE_URL="postgresql://db/x"), secrets)


PASSWORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text == text.strip()
)


@given_by_hypothesis(PASSWORDS, st.sampled_from(["", "?sslmode=require"]))
def test_the_databases_password_may_be_a_secret_of_its_own(password: str, query: str) -> None:
    url = f"postgresql://inscrit@one:5432,two/inscrit{query}"
    settings = load({"DATABASE_URL": url, "SECRET_KEY": "x", "PG_PASSWORD": password}, Path("/no"))
    assert conninfo_to_dict(settings.database_url or "")["password"] == password
    assert settings.database_url is not None
    assert settings.database_url.startswith(url)


def test_a_password_in_the_databases_address_comes_first(tmp_path: Path, secrets: Path) -> None:
    (secrets / "pg_password").write_text("from the secret\n")
    url = "postgresql://inscrit:stated@db/inscrit"
    environ = given(tmp_path, DATABASE_URL=url, SECRET_KEY="x")
    assert load(environ, secrets).database_url == url


def test_proxies_are_trusted_by_address_or_network(tmp_path: Path, secrets: Path) -> None:
    assert load(given(tmp_path), secrets).trusted_proxies == ("127.0.0.1/32", "::1/128")
    settings = load(given(tmp_path, TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7 fd00::/8"), secrets)
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.7/32", "fd00::/8")


def test_no_secret_shows_in_the_settings_repr(tmp_path: Path, secrets: Path) -> None:
    settings = load(
        given(
            tmp_path,
            DATABASE_URL="postgresql://u:hunter2@db/x",
            SECRET_KEY="very-secret",
            STRIPE_SECRET_KEY="sk_live_hidden",
            STRIPE_WEBHOOK_SECRET="whsec_hidden",
            EMAIL_URL="smtp://u:hunter2@mail:587?tls=1",
        ),
        secrets,
    )
    shown = repr(settings)
    for hidden in ("hunter2", "very-secret", "sk_live_hidden", "whsec_hidden"):
        assert hidden not in shown
    assert settings.livemode is True


@pytest.mark.parametrize("hosts", ["one,two", "one:5432,two:5433", "one"])
def test_a_database_may_have_several_hosts(tmp_path: Path, hosts: str) -> None:
    url = f"postgresql://u@{hosts}/x?target_session_attrs=read-write"
    assert load(given(tmp_path, DATABASE_URL=url, SECRET_KEY="s")).database_url == url
