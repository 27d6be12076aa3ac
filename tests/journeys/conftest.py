"""A real Chromium, screenshots that CI keeps, and a campus for each way to run jobs."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from campus_under_test import CampusUnderTest, free_port, private_folder
from hpcampus_hub.people import demo_homes
from hpcampus_hub.settings import Settings
from hpcampus_hub.up import twin_of
from playwright.sync_api import Browser, Page, sync_playwright

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


@pytest.fixture(scope="session")
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


@contextmanager
def _on_this_machine() -> Iterator[CampusUnderTest]:
    settings = Settings(state=private_folder(), port=free_port())
    campus = CampusUnderTest(settings)
    campus.start()
    try:
        yield campus
    finally:
        campus.stop()


@contextmanager
def _on_a_twin() -> Iterator[CampusUnderTest]:
    settings = Settings(state=private_folder(), port=free_port(), site_id="leonardo")
    with demo_homes(settings), twin_of(settings) as on_twin:
        campus = CampusUnderTest(on_twin, as_root=True)
        campus.start()
        try:
            yield campus
        finally:
            campus.stop()


@pytest.fixture(
    scope="package",
    params=[
        pytest.param(_on_this_machine, id="local"),
        pytest.param(_on_a_twin, id="leonardo", marks=pytest.mark.slurm),
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
