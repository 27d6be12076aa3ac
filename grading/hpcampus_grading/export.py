"""Grades, and how a class stands, as tables for other programs."""

import csv
import io
from collections.abc import Iterable, Sequence

from hpcampus_grading.class_messages import LearnerStatus
from hpcampus_grading.messages import RecordedGrade

Value = str | float | bool | None
_GRADES = (
    "learner", "assignment", "score", "max_score", "penalty", "needs_person", "recorded_by", "recorded_at"
)  # fmt: skip
_LEARNERS = (
    "learner", "assignment", "enrolled", "state", "attempts", "received_at", "late_seconds", "percent_off",
    "score", "max_score", "flags", "feedback",
)  # fmt: skip
# What spreadsheets take for the beginning of a formula; some fold full-width signs into plain ones.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 (they are meant)


def grades_csv(grades: Iterable[RecordedGrade]) -> str:
    """One row a grade."""
    rows = (
        (
            entry.learner,
            entry.assignment,
            entry.grade.score,
            entry.grade.max_score,
            entry.grade.penalty,
            entry.grade.needs_person,
            entry.recorded_by,
            entry.recorded_at.isoformat(),
        )
        for entry in grades
    )
    return safe_csv(_GRADES, rows)


def learners_csv(learners: Iterable[LearnerStatus]) -> str:
    """One row a learner and assignment."""
    rows = (
        (
            one.learner,
            one.assignment,
            one.enrolled,
            one.state,
            one.attempts,
            one.received_at.isoformat() if one.received_at else None,
            one.late_seconds,
            one.percent_off,
            one.score,
            one.max_score,
            one.flags,
            one.feedback,
        )
        for one in learners
    )
    return safe_csv(_LEARNERS, rows)


def safe_csv(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """A table in which no text is a formula, whatever somebody is called.

    All text is in quotes, so that a spreadsheet with other separators doesn't begin a field in its middle.
    """
    target = io.StringIO()
    table = csv.writer(target, quoting=csv.QUOTE_NONNUMERIC)
    table.writerow(columns)
    table.writerows([_safe(value) for value in row] for row in rows)
    return target.getvalue()


def _safe(value: Value) -> str | float:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip().startswith(_FORMULA) else value
    return "" if value is None else value
