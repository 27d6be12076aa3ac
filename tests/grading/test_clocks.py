"""An exchange whose clock differs from the hub's, the learners' and the learning platform's."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clocks import clock_ahead
from hpcampus_grading.exchange.client import Client
from hpcampus_grading.messages import Grade, Receipt
from learning_platform import Platform
from sent_grades import key, key_pem, platform, settings

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import SUBMIT, answer

pytestmark = pytest.mark.clock
__all__ = ["key", "key_pem", "platform"]
A_LITTLE, A_LOT = [90, -90], [3600, -3600]


@pytest.fixture
def ahead(request: pytest.FixtureRequest) -> int:
    """By how many seconds the exchange's clock is ahead."""
    seconds: int = request.param
    return seconds


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind is enough: the moments in it are the exchange's own."""
    return f"sqlite:///{tmp_path}/exchange.sqlite"


@pytest.fixture
def more_environment(platform: Platform, key: Path, ahead: int) -> Mapping[str, str]:
    return {"CAMPUS_LTI": settings(platform, key).model_dump_json(), **clock_ahead(ahead)}


def submitted_and_sent(service: Service, hub: StubHub) -> tuple[Receipt, str]:
    """Ada submits, and ines sends her grade to the platform; the receipt, and why it wasn't taken."""
    ada, ines = hub.add("ada", "sums"), hub.add("ines", "sums-instructors")
    reply = service.request("POST", SUBMIT, ada, data=answer())
    assert reply.ok, reply.text
    receipt = Receipt.model_validate_json(reply.content)
    instructor = Client(service.url, ines)
    grade = Grade(submission=receipt.id, score=2, max_score=3)
    instructor.record_grades("sums", "lesson1", [grade], "graded")
    sent = service.request("POST", "courses/sums/assignments/lesson1/grades/send", ines, json={})
    return receipt, "" if sent.ok else sent.json()["detail"]


@pytest.mark.parametrize("ahead", A_LITTLE, indirect=True)
def test_a_clock_that_is_a_little_wrong_stops_nobody(
    service: Service, hub: StubHub, platform: Platform, ahead: int
) -> None:
    """The platform allows for no difference; the receipt says whose clock counts."""
    before = datetime.now(UTC)
    receipt, complaint = submitted_and_sent(service, hub)
    off = timedelta(seconds=ahead)
    assert before + off <= receipt.received_at <= datetime.now(UTC) + off
    assert (complaint, platform.refusals) == ("", [])
    assert [score["userId"] for score in platform.taken] == ["u-ada"]


@pytest.mark.parametrize("ahead", A_LOT, indirect=True)
def test_of_a_clock_that_is_very_wrong_the_instructor_reads(
    service: Service, hub: StubHub, platform: Platform, ahead: int
) -> None:
    _, complaint = submitted_and_sent(service, hub)
    assert f"s {'ahead of' if ahead > 0 else 'behind'} the platform's" in complaint
    assert platform.taken == []
