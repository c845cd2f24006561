"""The machine's own Chromium, for every test that needs a browser."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Launch = Callable[..., Browser]


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """Starts it, with further arguments if a test needs some."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("Chromium is not installed, no page was tried in a browser (apt: chromium)")
    with sync_playwright() as playwright:

        def start(*more: str) -> Browser:
            return playwright.chromium.launch(executable_path=found, args=[*QUIET, *more])

        yield start


@pytest.fixture(scope="module")
def chromium(launch: Launch) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()
