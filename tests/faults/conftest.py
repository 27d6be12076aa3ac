"""A campus on a small local queue: one course server fits at a time, so that the next one has to wait."""

from collections.abc import Iterator

import pytest
from campus_under_test import CampusUnderTest, local_campus


@pytest.fixture
def campus() -> Iterator[CampusUnderTest]:
    """A running campus; whatever the test did to it, nothing of it is left afterwards."""
    with local_campus(cpus=2) as campus:
        yield campus
