"""When a server that nobody uses may be stopped."""

from datetime import UTC, datetime, timedelta

import pytest
from hpcampus_spawner.idleness import is_idle
from hpcampus_spawner.scheduler import JobState, JobStatus

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LIMIT = timedelta(minutes=30)
LONG_AGO = NOW - timedelta(hours=5)


def job(state: JobState, left: timedelta | None = None) -> JobStatus:
    return JobStatus("1", state, state.name, node="n1", ends=NOW + left if left is not None else None)


@pytest.mark.parametrize("left", [None, timedelta(hours=1)])
def test_a_server_that_runs_unused_for_longer_than_the_limit_is_idle(left: timedelta | None) -> None:
    status = job(JobState.RUNNING, left)
    assert is_idle(status, LONG_AGO, NOW, LIMIT)
    assert is_idle(status, NOW - LIMIT - timedelta(seconds=1), NOW, LIMIT)
    assert not is_idle(status, NOW - LIMIT, NOW, LIMIT)


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.PAUSED, JobState.ENDING, JobState.GONE])
def test_who_waits_or_is_paused_is_not_idle(state: JobState) -> None:
    assert not is_idle(job(state), LONG_AGO, NOW, LIMIT)


def test_where_the_scheduler_is_silent_nobody_is_idle() -> None:
    assert not is_idle(None, LONG_AGO, NOW, LIMIT)


def test_a_job_near_its_end_ends_by_itself() -> None:
    assert not is_idle(job(JobState.RUNNING, timedelta(minutes=14)), LONG_AGO, NOW, LIMIT)
