"""Signs that a submission has tampered with its grading: which ones nobody has dismissed, or decided on."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hpcampus_grading.tables import FlagRow, SubmissionRow


def flag_counts(session: Session, course: str) -> Mapping[str, int]:
    """How many signs each submission of a course shows; without any, it isn't there."""
    query = select(FlagRow.submission_id, func.count()).join(SubmissionRow)
    query = query.where(SubmissionRow.course == course, FlagRow.verdict.is_distinct_from("dismissed"))
    return dict(session.execute(query.group_by(FlagRow.submission_id)).all())


def undecided(session: Session, course: str, assignment: str) -> frozenset[str]:
    """The submissions of an assignment with a sign that no person has decided on yet."""
    query = select(FlagRow.submission_id).join(SubmissionRow).where(FlagRow.verdict.is_(None))
    return frozenset(session.scalars(query.filter_by(course=course, assignment=assignment)))
