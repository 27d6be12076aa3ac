"""A real Chromium for tests, and screenshots that CI keeps."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
# No sandbox of its own as root, and none of the calls home that a browser makes by itself.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = Path(
    os.environ.get("CAMPUS_SCREENSHOTS", Path(__file__).parents[1] / "journeys" / "screenshots")
)

SLOW = 90_000
"""Milliseconds that a page may take while jobs start, kernels compile and other tests keep two cores busy."""

Screenshot = Callable[[Page, str], None]


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """One browser; every person gets a context of their own."""
    expect.set_options(timeout=SLOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *arguments])
        yield browser
        browser.close()


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Screenshot:
    """Keep what a page looks like, under the test's name."""
    folder = SCREENSHOTS / request.node.name
    folder.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return keep
