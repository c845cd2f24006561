"""Every test that needs a database gets a real PostgreSQL of its own run, embedded."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import django
import pytest

from inscrit import config, embedded

_running = ExitStack()

os.environ.setdefault("INSCRIT_DATA_DIR", tempfile.mkdtemp(prefix="inscrit-tests-"))
os.environ.setdefault("STRIPE_SECRET_KEY", "sk_test_inscrit")
os.environ.setdefault("STRIPE_WEBHOOK_SECRET", "whsec_inscrit_tests")
# Django's settings are read once: PostgreSQL has to be there before.
_running.enter_context(embedded.database(config.load()))
os.environ["DJANGO_SETTINGS_MODULE"] = "inscrit.settings"
django.setup()


def pytest_unconfigure() -> None:
    _running.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def repository() -> Iterator[Path]:
    yield Path(__file__).parent.parent
