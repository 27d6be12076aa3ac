"""A campus on a small local queue: one course server fits at a time, so that the next one has to wait."""

from collections.abc import Iterator

import pytest
from campus_under_test import CampusUnderTest, free_port, private_folder
from hpcampus_hub.settings import SITES, Settings


@pytest.fixture
def campus() -> Iterator[CampusUnderTest]:
    """A running campus; whatever the test did to it, nothing of it is left afterwards."""
    state = private_folder()
    site = (SITES / "local.yaml").read_text().replace("cpus: 8", "cpus: 2")
    (state / "local.yaml").write_text(site)
    campus = CampusUnderTest(Settings(state=state, port=free_port(), sites=state))
    campus.start()
    try:
        yield campus
    finally:
        campus.stop()
