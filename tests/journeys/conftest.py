"""A browser for all journeys, and a campus for each way to run jobs."""

from collections.abc import Iterator

import pytest
from browser_fixtures import chromium, screenshot
from campus_under_test import CampusUnderTest, local_campus
from playwright.sync_api import Browser
from twins import twin_campus

__all__ = ["screenshot"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all journeys."""
    with chromium() as browser:
        yield browser


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
