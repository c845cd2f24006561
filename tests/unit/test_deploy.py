"""The files in deploy/ name what is there: settings, secrets, files."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from stripe import SignatureVerificationError, WebhookSignature

from deploy.rehearsal import http as rehearsal_http
from deploy.rehearsal import installation
from inscrit import cli, config
from inscrit.settings import database

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SHARED = {"stripe_secret", "secret_key", "pg_password", "email_url"}
SECRETS = SHARED | {"stripe_webhook_secret", "metrics_token"}
OURS = ("web", "worker")
SETTING = re.compile(r'sources\.get\("([A-Z_]+)"')
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
BOTH = pytest.mark.parametrize("name", ["stack.yml", "compose.yml"])
ALL = sorted(path.name for path in DEPLOY.glob("*.yml"))


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return found


def settings_of_inscrit() -> set[str]:
    return set(SETTING.findall(Path(config.__file__).read_text(encoding="utf-8")))


@BOTH
def test_every_setting_that_is_named_exists(name: str) -> None:
    for service in OURS:
        named = set(read(name)["services"][service]["environment"])
        assert {"DATABASE_URL", "PUBLIC_URL", "DEFAULT_FROM_EMAIL"} <= named
        assert named <= settings_of_inscrit()


# Of the container's own business, or a secret.
NOT_THE_OPERATORS = {
    "INSCRIT_DATA_DIR", "DRAIN_SECONDS", "STRIPE_API_BASE", "TRUSTED_PROXIES", "METRICS_TOKEN",
    "SECRET_KEY", "PG_PASSWORD", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "EMAIL_URL",
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("service", OURS)
def test_what_stands_in_the_operators_file_reaches_the_containers(name: str, service: str) -> None:
    named = set(read(name)["services"][service]["environment"])
    assert settings_of_inscrit() - NOT_THE_OPERATORS <= named


@BOTH
def test_secrets_stand_in_secrets_only(name: str) -> None:
    whole = read(name)
    assert set(whole["secrets"]) == SECRETS
    for service in OURS:
        environment = whole["services"][service]["environment"]
        assert not {"SECRET_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"} & set(environment)
        assert "password" not in environment["DATABASE_URL"]
        assert re.fullmatch(r"postgresql://\w+@[\w:]+/\w+", environment["DATABASE_URL"])


def test_the_swarms_secrets_are_made_by_the_operator_and_given_to_who_needs_them() -> None:
    stack = read("stack.yml")
    assert all(secret["external"] is True for secret in stack["secrets"].values())
    given = {name: set(service["secrets"]) for name, service in stack["services"].items()}
    assert given == {
        "web": SECRETS,
        "worker": SHARED,
        # Else the webhook's old secret could not be removed after a rotation.
        "tools": SHARED,
        "postgres": {"pg_password"},
    }


def test_no_connection_to_the_database_goes_through_what_forgets_it() -> None:
    assert read("stack.yml")["services"]["postgres"]["deploy"]["endpoint_mode"] == "dnsrr"
    assert database("postgresql://db/x")["OPTIONS"]["keepalives_idle"] == "60"
    stated = "postgresql://db/x?keepalives_idle=5"
    assert database(stated)["OPTIONS"]["keepalives_idle"] == "5"


def test_the_web_side_is_updated_without_a_gap() -> None:
    web = read("stack.yml")["services"]["web"]
    rule = web["deploy"]["update_config"]
    assert web["deploy"]["replicas"] == 2
    assert rule["order"] == "start-first"
    assert rule["failure_action"] == "rollback"
    assert "monitor" in rule
    assert "--migrate" in web["command"]
    patience = re.search(r"DRAIN_SECONDS=(\d+)", (DEPLOY / "Dockerfile").read_text())
    assert patience is not None
    assert int(web["stop_grace_period"].removesuffix("s")) > int(patience[1]) + 10


@BOTH
@pytest.mark.parametrize("service", OURS)
def test_containers_may_write_to_tmp_alone(name: str, service: str) -> None:
    found = read(name)["services"][service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["logging"]["options"]["max-size"]
    mounts = [*found.get("tmpfs", ()), *found.get("volumes", ())]
    assert len(mounts) == 1
    assert "/tmp" in str(mounts)


@BOTH
@pytest.mark.parametrize("service", OURS)
def test_commands_and_their_options_exist(name: str, service: str) -> None:
    command, *options = read(name)["services"][service]["command"]
    known = {option for one in cli.main.commands[command].params for option in one.opts}
    assert {option for option in options if option.startswith("--")} <= known


@pytest.mark.parametrize("name", ALL)
def test_defaults_name_no_other_variable(name: str) -> None:
    """``docker stack deploy`` takes such a default as it stands."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert all("$" not in default for _, _, default in VARIABLE.findall(text))


def test_every_limit_is_set() -> None:
    for name in ("stack.yml", "traefik.yml", "monitoring.yml"):
        for service in read(name)["services"].values():
            assert service["deploy"]["resources"]["limits"]["memory"]


def test_the_image_gets_all_that_it_copies() -> None:
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_runs_as_nobody_in_particular_and_takes_checked_packages_only() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "\nUSER 10001:10001\n" in text
    assert "\nHEALTHCHECK " in text
    assert "--require-hashes --only-binary :all:" in text
    assert "ARG BASE_IMAGE=" in text


def test_the_stack_holds_any_image_to_the_health_check_of_ours() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(
        r"^HEALTHCHECK --interval=(\S+) --timeout=(\S+) --start-period=(\S+) --retries=(\d+) \\\n"
        r" +CMD (\[.*\])$",
        text,
        re.MULTILINE,
    )
    assert found
    interval, timeout, start_period, retries, command = found.groups()
    assert read("stack.yml")["services"]["web"]["healthcheck"] == {
        "test": ["CMD", *json.loads(command)],
        "interval": interval,
        "timeout": timeout,
        "start_period": start_period,
        "retries": int(retries),
    }


@pytest.mark.parametrize(
    "page", ["how-to/install.md", "fr/guide-exploitant.md"], ids=["English", "French"]
)
def test_the_guide_creates_every_secret(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for secret in SECRETS:
        assert f"docker secret create {secret} -" in text
        assert f"> secrets/{secret}" in text
    for name, needed, _ in VARIABLE.findall((DEPLOY / "stack.yml").read_text(encoding="utf-8")):
        assert needed != "?" or f"{name}=" in text


def test_every_command_of_compose_is_told_the_operators_settings() -> None:
    """Without them it stops at the first variable that it needs."""
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    said = [line for page in pages for line in re.findall(r"docker compose .*", page)]
    assert len(said) > 5
    assert [line for line in said if not line.startswith("docker compose --env-file ")] == []


def test_backups_are_made_and_put_back_inside_the_image() -> None:
    assert "POSTGRESQL_CLIENT=postgresql-client" in (DEPLOY / "Dockerfile").read_text()
    tools = read("stack.yml")["services"]["tools"]
    assert tools["deploy"]["replicas"] == 0
    assert tools["image"] == read("stack.yml")["services"]["web"]["image"]
    guide = (ROOT / "docs/how-to/back-up-and-restore.md").read_text(encoding="utf-8")
    for scaled in ("inscrit_web=0 inscrit_worker=0 inscrit_tools=1", "inscrit_tools=0"):
        assert f"docker service scale {scaled}" in guide


def test_prometheus_shows_the_token_that_the_web_side_asks_for() -> None:
    assert "metrics_token" in read("monitoring.yml")["services"]["prometheus"]["secrets"]
    jobs = {job["job_name"]: job for job in read("prometheus/prometheus.yml")["scrape_configs"]}
    shown = jobs["inscrit"]["authorization"]["credentials_file"]
    assert shown == str(config.SECRETS_DIR / "metrics_token")


def test_the_disk_alert_has_its_exporter() -> None:
    exporter = read("monitoring.yml")["services"]["node-exporter"]
    assert exporter["deploy"]["mode"] == "global"
    assert "--collector.filesystem" in exporter["command"]
    assert "tasks.node-exporter" in (DEPLOY / "prometheus/prometheus.yml").read_text()


def test_the_rehearsal_changes_services_that_the_stack_has() -> None:
    added = {"sandbox", "proxy"}
    override = read("rehearsal/override.yml")["services"]
    assert set(override) == set(read("stack.yml")["services"]) | added
    for service in (*OURS, "tools"):
        assert set(override[service]["environment"]) <= settings_of_inscrit()
        assert set(override[service]) == {"environment", "deploy"}


def test_the_rehearsal_creates_the_stacks_secrets_and_no_other() -> None:
    assert set(installation.SECRETS) == SECRETS


def test_the_rehearsals_stripe_signs_as_stripe_does() -> None:
    body = json.dumps({"id": "evt_1", "title": "Stage de théâtre"})
    header = rehearsal_http.signature(body, "whsec_rehearsal")
    assert WebhookSignature.verify_header(body, header, "whsec_rehearsal", 60)
    with pytest.raises(SignatureVerificationError):
        WebhookSignature.verify_header(body, header, "whsec_other", 60)
