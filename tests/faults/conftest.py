"""A campus on a small local queue: one course server fits at a time, so that the next one has to wait."""

from collections.abc import Iterator

import pytest
from campus_under_test import CampusUnderTest, local_campus


@pytest.fixture(scope="module")
def small_campus() -> Iterator[CampusUnderTest]:
    """One campus for a module, whatever its tests do to it; nothing of it is left afterwards."""
    with local_campus(cpus=2) as campus:
        yield campus


@pytest.fixture
def campus(small_campus: CampusUnderTest) -> Iterator[CampusUnderTest]:
    """The campus, on which nobody has a server yet."""
    yield small_campus
    small_campus.stop_servers()
