"""Submissions with what happened since, read as columns and checked together: a class has thousands."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hpcampus_grading.messages import Feedback, Receipt, Submission
from hpcampus_grading.tables import FeedbackRow, SubmissionRow

_RECEIPT: list[InstrumentedAttribute[Any]] = [getattr(SubmissionRow, name) for name in Receipt.model_fields]
_FEEDBACK: list[ColumnElement[Any]] = [
    FeedbackRow.submission_id.label("submission"),
    *(getattr(FeedbackRow, name) for name in Feedback.model_fields if name != "submission"),
]
_SUBMISSIONS = TypeAdapter(tuple[Submission, ...])


def submitted(session: Session, *which: ColumnElement[bool]) -> tuple[Submission, ...]:
    """The submissions of which all conditions are true, oldest first, each with its newest feedback."""
    given = select(*_FEEDBACK).join(SubmissionRow).where(*which).order_by(FeedbackRow.number)
    feedback = {row.submission: row._asdict() for row in session.execute(given)}
    found = select(*_RECEIPT).where(*which).order_by(SubmissionRow.received_at, SubmissionRow.attempt)
    receipts = (row._asdict() for row in session.execute(found))
    return _SUBMISSIONS.validate_python(
        [
            {
                "receipt": receipt,
                "late_seconds": receipt["late_seconds"],
                "percent_off": receipt["percent_off"],
                "feedback": feedback.get(receipt["id"]),
            }
            for receipt in receipts
        ]
    )
