"""Deadlines: due, grace, steps of lateness, and what `course.yaml` may say of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hpcampus_courses import Assignment, Standing
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

DUE = datetime.fromisoformat("2026-12-01T12:00:00+01:00")
HOUR = timedelta(hours=1)
STEPS = [{"within_hours": 24, "percent": 10}, {"within_hours": 72, "percent": 50}]


def assignment(**more: Any) -> Assignment:
    return Assignment.model_validate({"slug": "first", "title": "F", "points": 1, "due": DUE, **more})


@pytest.mark.parametrize(
    ("after", "late", "percent"),
    [
        (timedelta(0), 0, 0),
        (timedelta(minutes=10), 0, 0),
        (timedelta(minutes=10, seconds=1), 601, 10),
        (24 * HOUR, 86400, 10),
        (24 * HOUR + timedelta(microseconds=1), 86400, 50),
        (72 * HOUR, 3 * 86400, 50),
    ],
)
def test_late_work_costs_what_its_step_says(after: timedelta, late: int, percent: float) -> None:
    deadline = assignment(grace_minutes=10, late=STEPS).deadline()
    assert deadline is not None
    assert deadline.standing(DUE + after) == Standing(late, percent)


def test_after_the_last_step_nothing_is_accepted() -> None:
    for late, hours in ((STEPS, 72), ([], 0)):
        deadline = assignment(late=late).deadline()
        assert deadline is not None
        assert deadline.closes == DUE + hours * HOUR
        assert deadline.standing(deadline.closes) is not None
        assert deadline.standing(deadline.closes + timedelta(microseconds=1)) is None


def test_without_steps_late_work_is_recorded_and_costs_nothing() -> None:
    deadline = assignment().deadline()
    assert deadline is not None
    assert (deadline.closes, deadline.standing(DUE + 1000 * HOUR)) == (None, Standing(3_600_000, 0))
    assert assignment(due=None).deadline() is None


def test_grace_also_holds_where_no_late_work_is_accepted() -> None:
    deadline = assignment(grace_minutes=60, late=[]).deadline()
    assert deadline is not None
    assert deadline.closes == DUE + HOUR
    assert deadline.standing(DUE + HOUR) == Standing(0, 0)


@given(st.timedeltas(-1000 * HOUR, 1000 * HOUR), st.timedeltas(timedelta(0), 100 * HOUR))
def test_later_is_never_better(after: timedelta, later: timedelta) -> None:
    deadline = assignment(grace_minutes=30, late=STEPS).deadline()
    assert deadline is not None
    first, second = deadline.standing(DUE + after), deadline.standing(DUE + after + later)
    if second is not None:
        assert first is not None
        assert (first.late_seconds, first.percent_off) <= (second.late_seconds, second.percent_off)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"due": None, "late": []}, "mean nothing without due"),
        ({"due": None, "grace_minutes": 5}, "mean nothing without due"),
        ({"late": STEPS[::-1]}, "each step must reach further"),
        ({"late": [STEPS[0]] * 2}, "each step must reach further"),
        ({"late": [{"within_hours": 1, "percent": 101}]}, "less than or equal to 100"),
        ({"due": "9999-12-31T23:59:59Z"}, "before the year 2200"),
        ({"grace_minutes": -1}, "greater than or equal to 0"),
        ({"attempts": 0}, "greater than or equal to 1"),
        ({"accepts": {"types": [".py"]}}, "must name .ipynb"),
        ({"accepts": {"types": ["py"]}}, "match pattern"),
        ({"accepts": {"mib": 0}}, "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_named(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        assignment(**wrong)
