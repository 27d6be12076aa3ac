"""A real Chromium, screenshots that CI keeps, and a campus for each way to run jobs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from campus_under_test import CampusUnderTest, local_campus
from playwright.sync_api import Browser, Page, sync_playwright
from twins import twin_campus

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
SCREENSHOTS = Path(os.environ.get("CAMPUS_SCREENSHOTS", Path(__file__).parent / "screenshots"))

Screenshot = Callable[[Page, str], None]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser; every person gets a context of their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
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


@pytest.fixture(
    scope="package",
    params=[
        pytest.param(local_campus, id="local"),
        pytest.param(twin_campus, id="leonardo", marks=pytest.mark.slurm),
    ],
)
def running_campus(request: pytest.FixtureRequest) -> Iterator[CampusUnderTest]:
    """One campus for all journeys: with processes as one account, and with Slurm jobs as many."""
    with request.param() as campus:
        yield campus


@pytest.fixture
def campus(running_campus: CampusUnderTest) -> Iterator[CampusUnderTest]:
    """The campus, on which nobody has a server yet."""
    yield running_campus
    running_campus.stop_servers()
