"""Every test that needs a database gets a real PostgreSQL of its own run, embedded."""

import os
import tempfile
from contextlib import ExitStack

import django
import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings

from inscrit import config, embedded

from . import emptying

_running = ExitStack()

# How fast a machine is says nothing about the code.
settings.register_profile(
    "usual", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("usual")
# pytest --hypothesis-profile=deep: for an hour or a night.
settings.register_profile(
    "deep",
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

os.environ.setdefault("INSCRIT_DATA_DIR", tempfile.mkdtemp(prefix="inscrit-tests-"))
os.environ.setdefault("STRIPE_SECRET_KEY", "sk_test_inscrit")
os.environ.setdefault("STRIPE_WEBHOOK_SECRET", "whsec_inscrit_tests")
# Django's settings are read once: PostgreSQL has to be there before.
with psycopg.connect(
    _running.enter_context(embedded.database(config.load())), autocommit=True
) as _it:
    # Nothing here outlives the run: emptying every table after each test need not reach the disk.
    for _setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _it.execute(f"ALTER SYSTEM SET {_setting} = off")
    _it.execute("SELECT pg_reload_conf()")
os.environ["DJANGO_SETTINGS_MODULE"] = "inscrit.settings"
django.setup()
# How hard a password is to guess from its hash takes its time, and is Django's business.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TransactionTestCase._fixture_teardown = emptying.quickly(  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown,  # type: ignore[attr-defined]
)


def pytest_unconfigure() -> None:
    _running.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On CI nothing may be skipped: a test that can't run there has no value there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and os.environ.get("INSCRIT_TESTS_SKIP_NOTHING") and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
