"""The clocks of the machines differ: people log in, start, and hand in all the same.

Each test states the fault, what is expected, and what must be kept.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from campus_under_test import CampusUnderTest
from clocks import clock_ahead

pytestmark = pytest.mark.clock

COURSE = "gpu-numba"


@pytest.fixture
def wrong(campus: CampusUnderTest, request: pytest.FixtureRequest) -> Iterator[CampusUnderTest]:
    """The campus, whose hub has a wrong clock; jobs have the right one."""
    campus.end()
    campus.clock = clock_ahead(request.param)
    campus.start()
    try:
        yield campus
    finally:
        campus.end()
        campus.clock = {}
        campus.start()


@pytest.mark.parametrize("wrong", [90, -90], indirect=True)
def test_the_hubs_clock_is_wrong(wrong: CampusUnderTest) -> None:
    """Fault: the hub's clock is 90 s ahead of, or behind, the notebooks'. Expected: all works: a person's
    log-in, the notebook's own, the exchange. Kept: nobody is taken for a stranger."""
    ada = wrong.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    started = datetime.fromisoformat(ada.server_started(COURSE))
    of_the_hub = parsedate_to_datetime(ada.get("/hub/home").headers["Date"])
    # Less than a minute passes between the two, so it is the clocks that differ.
    assert not timedelta() < of_the_hub - started < timedelta(seconds=60)
    assert ada.exchange("GET", f"courses/{COURSE}").ok
